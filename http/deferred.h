#pragma once

#include <tidewire/core/callback.h>
#include <tidewire/core/export.h>
#include <tidewire/core/post.h>
#include <tidewire/http/status.h>
#include <memory>
#include <string_view>

namespace tidewire::http {

class Connection;
class Response;

/// A promise to answer a request later, from any thread.
///
/// Copies share the promise; it is kept by the first that answers. When the last copy goes without an
/// answer, the client gets a 500 rather than silence. When the client has gone meanwhile, answering does
/// nothing. Further requests on the connection wait for this answer, as HTTP/1.1 wants them in order.
class TIDEWIRE_API Deferred {
 public:
  /// Sends a whole answer; `body` is copied. False if the loop has ended.
  bool send(Status status, std::string_view text = {}) const;
  bool send(std::string_view text = {}) const { return send(Status::ok, text); }

  /// Runs `answer` with the response on the loop's thread: at once if this is it, else in its next turn. Not
  /// at all if the client has gone. From other threads one call is always taken while the loop lives; further ones, for
  /// an answer in pieces, are refused (`full`) when too much waits for the loop, see LoopRemote::post. `bytes` is what
  /// `answer` holds, and counts towards that. `answer` is all that runs within this call: if it has the connection
  /// end, `Response::on_close` follows in a later turn.
  PostStatus run(Callback<void(Response&)> answer, std::size_t bytes = 0) const;

 private:
  friend class Connection;
  friend class Response;
  friend struct Ticket;
  struct Claim;
  explicit Deferred(std::shared_ptr<Claim> claim) : claim_(std::move(claim)) {}

  std::shared_ptr<Claim> claim_;
};

}  // namespace tidewire::http
