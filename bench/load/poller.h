#pragma once

#include <sys/epoll.h>
#include <tidewire/bench/socket.h>
#include <tidewire/core/result.h>
#include <chrono>
#include <span>
#include <vector>

namespace tidewire::bench {

/// One epoll set. Edge-triggered, and for both directions once and for all: no further call changes the set, and the
/// kernel need not look at a connection again after it was read.
class Poller {
 public:
  [[nodiscard]] static Result<Poller> create();

  /// Events of the descriptor carry `what` in data.ptr. It leaves the set when it is closed.
  [[nodiscard]] Result<void> add(int descriptor, void* what);

  /// Waits for events, which stay until the next call; none when the time has passed.
  [[nodiscard]] Result<std::span<const epoll_event>> wait(std::chrono::nanoseconds timeout);

 private:
  explicit Poller(Descriptor epoll);

  Descriptor epoll_;
  std::vector<epoll_event> events_;
};

[[nodiscard]] inline bool writable(const epoll_event& event) { return (event.events & EPOLLOUT) != 0; }
/// Something to read: bytes, the end, or an error.
[[nodiscard]] inline bool readable(const epoll_event& event) {
  return (event.events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0;
}

}  // namespace tidewire::bench
