#pragma once

#include <tidewire/core/callback.h>
#include <tidewire/core/export.h>
#include <tidewire/core/post.h>
#include <tidewire/transport/stream.h>
#include <tidewire/websocket/close_code.h>
#include <tidewire/websocket/message.h>
#include <tidewire/websocket/prepared_message.h>
#include <memory>
#include <string_view>

namespace tidewire::websocket {

class Connection;
struct HandleState;

/// Refers to a connection from anywhere, for as long as one likes: copyable, thread-safe, weak.
///
/// Once the connection has closed, or its loop has ended, everything returns `closed`. Calls from one thread
/// keep their order.
class TIDEWIRE_API Handle {
 public:
  /// Refers to no connection; as if it had closed.
  Handle() noexcept = default;

  /// As `Connection::send`. On another thread than the loop's, the message is copied and sent in the loop's
  /// next turn, and the answer is what is known by now:
  /// - `sent`: on its way;
  /// - `queued`: the same, but more than the high-water mark is on its way or waits for the peer;
  /// - `dropped`: not taken. `Options::max_backpressure` is on its way to the loop already, or, by Backpressure::drop,
  ///   waits for the peer; or the loop's PostLimits are reached. A message counts 256 bytes more than it has;
  /// - `closed`: not taken.
  /// After `queued` and `dropped`, `on_drain` follows on the loop's thread: hold back until then. Beyond the bound that
  /// a peer has, the connection's own policy decides when the message gets there.
  SendStatus send(const Message& message) const;
  /// The same, without the copy.
  SendStatus send(const PreparedMessage& message) const;
  /// As `Connection::close`, likewise, and taken whatever waits. False if the connection has closed already.
  bool close(CloseCode code = CloseCode::normal, std::string_view reason = {}) const;
  /// Runs `action` on the loop's thread: at once if this is it, else in its next turn; not at all if the
  /// connection has closed by then. `ended` if it has closed already, `full` (from other threads) as for
  /// LoopRemote::post, where `bytes`, what `action` holds, is explained too. If `action` ends the
  /// connection, `on_close` follows in a later turn.
  PostStatus run(Callback<void(Connection&)> action, std::size_t bytes = 0) const;

  /// Whether the connection is open, as far as is known on this thread.
  [[nodiscard]] bool open() const noexcept;

  /// Whether both refer to the same connection.
  [[nodiscard]] bool operator==(const Handle&) const noexcept = default;

 private:
  friend class Connection;
  explicit Handle(std::shared_ptr<HandleState> state) noexcept : state_(std::move(state)) {}

  std::shared_ptr<HandleState> state_;
};

}  // namespace tidewire::websocket
