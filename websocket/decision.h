#pragma once

#include <tidewire/core/export.h>
#include <tidewire/http/response.h>
#include <tidewire/http/status.h>
#include <memory>
#include <string_view>

namespace tidewire::websocket {

struct PendingHandshake;

/// The answer to "may this client connect?", given once, at once or later, from any thread.
///
/// Copies share the question; the first answer counts. If all are dropped without one, the client gets a
/// 500. If it has gone meanwhile, the answer does nothing.
class TIDEWIRE_API Decision {
 public:
  /// Lets it in: the handler is constructed and `on_open` called, on the loop's thread.
  void accept() const;
  /// Refuses with an HTTP status, and a text for its body.
  void reject(http::Status status = http::Status::forbidden, std::string_view text = {}) const;
  /// Refuses with an answer of the application's own, for one that needs header fields (WWW-Authenticate,
  /// Retry-After): `answer` fills it in on the loop's thread, as an http::Handler would.
  void reject(Callback<void(http::Response&)> answer) const;

 private:
  friend struct PendingHandshake;
  Decision(http::Deferred answer, std::shared_ptr<PendingHandshake> pending)
      : answer_(std::move(answer)), pending_(std::move(pending)) {}

  http::Deferred answer_;
  std::shared_ptr<PendingHandshake> pending_;
};

}  // namespace tidewire::websocket
