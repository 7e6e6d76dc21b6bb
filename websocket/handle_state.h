#pragma once

#include <tidewire/core/loop.h>
#include <tidewire/websocket/message.h>
#include <tidewire/websocket/options.h>
#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace tidewire::websocket {

class Connection;

/// What the handles of a connection share. The connection is touched on the loop's thread alone.
struct HandleState {
  HandleState(LoopRemote to, Connection& with, const Options& options)
      : loop(std::move(to)),
        connection(&with),
        max_backpressure(options.max_backpressure),
        high_water_mark(options.high_water_mark),
        drops(options.backpressure == Backpressure::drop) {}

  LoopRemote loop;
  Connection* connection;  // Null once it has ended.
  std::atomic<bool> open{true};
  std::atomic<bool> takes_messages{true};  // No Close has been sent.
  const std::size_t max_backpressure;
  const std::size_t high_water_mark;
  const bool drops;
  std::atomic<std::size_t> posted_bytes{0};  // Of messages of other threads that the loop has not taken up.
  std::atomic<std::size_t> queued_bytes{0};  // What waited for the peer when the loop last looked.
  std::atomic<bool> close_posted{false};
  std::atomic<bool> drain_posted{false};  // `on_drain` is due when the loop gets to it.
};

/// A message on its way from another thread to the loop: counted in `posted_bytes` while this exists.
class PostedMessage {
 public:
  /// Counts a message of so many bytes, if not too much is on its way. `status()` is the answer to the sender.
  PostedMessage(std::shared_ptr<HandleState> state, std::size_t bytes) noexcept;
  PostedMessage(PostedMessage&& other) noexcept
      : state_(std::move(other.state_)), bytes_(std::exchange(other.bytes_, 0)), status_(other.status_) {}
  PostedMessage& operator=(PostedMessage&&) = delete;
  ~PostedMessage() { take_up(); }

  /// `sent`, `queued` (more than the high-water mark waits) or `dropped` (too much does: it is not to be posted).
  [[nodiscard]] SendStatus status() const noexcept { return status_; }
  /// On the loop's thread: it is on its way no more.
  void take_up() noexcept;

 private:
  std::shared_ptr<HandleState> state_;
  std::size_t bytes_ = 0;
  SendStatus status_;
};

/// Has `on_drain` follow: when the loop has taken up what was posted, or when the peer has taken what waits then.
void promise_drain(const std::shared_ptr<HandleState>& state);

}  // namespace tidewire::websocket
