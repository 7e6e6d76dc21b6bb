#pragma once

#include <tidewire/core/export.h>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

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
  /// Takes a member out, and forgets what `wait` has found of it.
  void remove(int descriptor, const Watched& watched) noexcept;

  /// Waits up to `milliseconds` for the first event; -1: without end. What earlier calls found and was not served yet
  /// keeps its place before that, and then nothing is waited for. A signal ends the wait: nothing was found.
  void wait(int milliseconds) noexcept;
  /// Calls `on_ready` of the first member that was found and not served yet. False when there is none.
  bool serve_one() noexcept;
  /// Whether members were found that are not served yet.
  [[nodiscard]] bool has_unserved() const noexcept { return served_ != found_; }
  /// Whether the last `wait` found as many as it can, so that there may be more.
  [[nodiscard]] bool may_have_more() const noexcept { return full_; }
  /// Whether the guest was found ready since the last call.
  [[nodiscard]] bool take_guest_ready() noexcept { return std::exchange(guest_ready_, false); }
  /// How many descriptors it has, without the guest.
  [[nodiscard]] std::size_t members() const noexcept { return members_; }

  /// How many can be found at once. What else is ready is found by the next call: libuv's handles and what was written
  /// must not wait for too many.
  static constexpr int capacity = 256;

 private:
  explicit PollSet(int descriptor);

  int descriptor_;
  int found_ = 0;
  int served_ = 0;  // Of those that were found, from the first on.
  bool full_ = false;
  bool guest_ready_ = false;
  std::size_t members_ = 0;
  std::unique_ptr<epoll_event[]> events_;
};

}  // namespace tidewire
