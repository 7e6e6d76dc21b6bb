#pragma once

#include <tidewire/core/export.h>
#include <cstdint>
#include <memory>

struct epoll_event;

namespace tidewire {

class Watched;

/// The descriptors that a loop waits for by itself, beside those of libuv: an edge-triggered epoll set.
///
/// Edge-triggered means that the kernel tells once of what has arrived, and need not look at a socket again after
/// it was read; that a socket stays registered for its whole life; and that one system call brings everything
/// that is ready. libuv's own descriptors take part as one: its back end is a member of this set, or this set a
/// member of libuv's, depending on who runs the loop.
///
/// One thread: the loop's.
class TIDEWIRE_API PollSet {
 public:
  /// Throws Failure when the process has no descriptor left for one. Null where there is no epoll.
  static std::unique_ptr<PollSet> make();
  ~PollSet();
  PollSet(const PollSet&) = delete;
  PollSet& operator=(const PollSet&) = delete;

  /// The set's own descriptor: readable when a member is ready.
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

  /// Makes the back end of libuv a member, level-triggered. 0, or a negative error number.
  int add_guest(int descriptor) noexcept;

  /// What a member waits for. Its errors are reported in any case; `reading` includes the peer's end and urgent bytes.
  static constexpr unsigned reading = 1;
  static constexpr unsigned writing = 2;

  /// Adds a member, or tells once more of what is ready now. 0, or a negative error number.
  int add(int descriptor, Watched& watched, unsigned interest) noexcept;
  int renew(int descriptor, Watched& watched, unsigned interest) noexcept;
  void remove(int descriptor) noexcept;

  /// Waits up to `milliseconds` for the first event; -1: without end.
  void wait(int milliseconds) noexcept;
  /// Calls `on_ready` of all that the last `wait` found. Returns whether the guest is ready.
  bool dispatch() noexcept;

 private:
  explicit PollSet(int descriptor);

  int descriptor_;
  int ready_ = 0;
  std::unique_ptr<epoll_event[]> events_;
};

}  // namespace tidewire
