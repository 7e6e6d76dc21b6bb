#pragma once

#include <tidewire/core/bytes.h>
#include <tidewire/core/callback.h>
#include <tidewire/core/export.h>
#include <tidewire/core/loop.h>
#include <tidewire/core/result.h>
#include <tidewire/http/deferred.h>
#include <tidewire/http/response_head.h>
#include <tidewire/http/status.h>
#include <tidewire/http/upgrade.h>
#include <tidewire/transport/stream.h>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace tidewire::http {

class Connection;

/// The answer to one request: what a handler fills in.
///
///     server.get("/hello", [](const http::Request&, http::Response& response) { response.send("hello\n"); });
///
/// A handler answers in one of these ways before it returns: `send` for a whole answer; `write` and `end`
/// for one in pieces, which may go on after it returned, if it kept a Deferred; `defer` for one that comes
/// later altogether. One that does none of them is logged, and the client gets a 500.
///
/// Valid during the callback that got it, on the loop's thread. Answering twice is harmless: what comes
/// after the end of the answer is `closed`, and so is everything once the client has gone.
class TIDEWIRE_API Response {
 public:
  Response(const Response&) = delete;
  Response& operator=(const Response&) = delete;

  /// The status; the default is 200.
  Response& status(Status status) noexcept;

  /// Sets a header field, in the place of any of that name. A name that is no token, a value with CR, LF,
  /// NUL or another control character, and the framing fields, which are the connection's own to write, are
  /// refused: the field is left out, and so that nobody overlooks it, the client gets a 500 and the log says
  /// why. Where such a value is to be expected, use `try_header`.
  Response& header(std::string_view name, std::string_view value);
  /// The same, for values that may be unfit: nothing is set then, and the answer goes on.
  Result<void> try_header(std::string_view name, std::string_view value);
  /// Adds a field beside those of the same name (Set-Cookie). Refused as in `header`.
  Response& add_header(std::string_view name, std::string_view value);

  /// Sends the whole answer. Text goes as "text/plain; charset=utf-8" unless a Content-Type was set. To HEAD
  /// the same head goes without the body. Statuses that carry no content (204, 304) are sent without.
  SendStatus send(std::string_view text = {});
  SendStatus send(Status code, std::string_view text = {}) { return status(code).send(text); }
  SendStatus send(Bytes body);

  /// Announces how long the body will be that `write` sends in pieces; otherwise it is sent in chunks (to an
  /// HTTP/1.0 client: until the connection closes). Before the first piece.
  Response& content_length(std::uint64_t bytes) noexcept;
  /// Sends a piece of the body, the head in front of the first one. `queued`: more than the high-water mark
  /// waits; hold back until `on_drain`. Beyond `max_backpressure_bytes` the connection is closed. The answer to
  /// HEAD, and a status without content, is over with its head: `closed`.
  SendStatus write(Bytes piece);
  SendStatus write(std::string_view piece) { return write(as_bytes(piece)); }
  /// Ends the body. A length that was announced and not reached closes the connection: the client must not
  /// take the answer for whole.
  SendStatus end();

  /// Calls `ready` whenever what waited has fallen below half the high-water mark, after a `queued`.
  void on_drain(std::function<void(Response&)> ready);
  /// Calls `gone` if the connection ends before the answer does: in a later turn of the loop, and never within a call
  /// that the application makes, be it a `write` that cuts off a slow client or `Deferred::run`. The one exception is
  /// the destructor of the server, which no turn follows.
  void on_close(std::function<void()> gone);
  /// Calls `begun` when the server begins to shut down (`Server::drain`), or soon if that was before, while the answer
  /// is not complete: in a later turn, once. For answers without an end of their own, such as event streams and long
  /// polls: end them there, or the shutdown waits for its deadline. `end` of an answer that no piece was written of is
  /// an empty one.
  void on_shutdown(std::function<void(Response&)> begun);

  /// Whether the client has ended its side of the connection (FIN), as far as that can be seen: one that follows more
  /// unread bytes than the system's receive window holds cannot. A client that ended only its sending still takes its
  /// answer; one that closed looks the same, until something is sent and comes back as a reset.
  [[nodiscard]] bool peer_ended() const noexcept;
  /// Calls `ended` when the client has ended its side before the answer is complete, once, in a later turn if it has
  /// already. Not from within a call on this object. The handler then decides: to go on, to answer, or to drop its
  /// promise. Without this, a pending answer goes on, and one in pieces that has begun (an event stream, for one) is
  /// cut off, with `on_close`. A reset ends the connection in any case, with `on_close`.
  void on_peer_end(std::function<void(Response&)> ended);

  /// Promises an answer later; see Deferred.
  [[nodiscard]] Deferred defer();

  /// Answers an upgrade request with 101 (Switching Protocols), this `protocol` in its Upgrade field and the
  /// fields set so far, and hands the stream over. For HTTP, the connection has ended.
  void switch_protocols(std::string_view protocol, SuccessorFactory make_successor);

  /// Whether the head has been sent, so that status and fields can't change any more.
  [[nodiscard]] bool started() const noexcept { return state_ != State::open; }
  /// Whether the answer is complete, or can't be given any more.
  [[nodiscard]] bool finished() const noexcept { return state_ == State::finished || state_ == State::switching; }

 private:
  friend class Connection;
  friend struct Exchange;
  friend class Deferred;

  enum class State : unsigned char { open, streaming, finished, switching };

  Response() = default;
  ~Response() = default;
  void begin(Connection& connection, bool head_only, unsigned minor_version) noexcept;
  void clear() noexcept;

  Connection* connection_ = nullptr;  // Null once the exchange is over.
  ResponseHead head_;
  State state_ = State::open;
  bool head_only_ = false;   // The answer to HEAD.
  bool old_client_ = false;  // HTTP/1.0: knows no chunks.
  bool deferred_ = false;
  bool over_high_water_ = false;
  bool watched_ = false;            // How it is taken: by the connection's deadline.
  bool client_end_told_ = false;    // To the handler, which decides what follows.
  Framing framing_;                 // While streaming.
  std::uint64_t unsent_bytes_ = 0;  // Of an announced length.
  std::optional<std::uint64_t> announced_bytes_;
  std::optional<Error> refused_header_;
  std::function<void(Response&)> drain_callback_;
  std::function<void()> close_callback_;
  std::function<void(Response&)> client_end_callback_;
  std::function<void(Response&)> shutdown_callback_;
  std::string switch_to_;
  SuccessorFactory make_successor_;
};

}  // namespace tidewire::http
