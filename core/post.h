#pragma once

#include <tidewire/core/export.h>
#include <cstddef>

namespace tidewire {

/// What became of a task that was posted to a loop. True if it was taken.
class PostStatus {
 public:
  enum Value : unsigned char {
    taken,  ///< It runs on the loop's thread.
    full,   ///< Dropped: too much waits already, as the loop does not keep up. See `LoopRemote::when_room`.
    ended,  ///< Dropped: the loop has ended, or belongs to the parent of this process.
  };

  constexpr PostStatus(Value value) noexcept : value_(value) {}

  constexpr explicit operator bool() const noexcept { return value_ == taken; }
  friend constexpr bool operator==(PostStatus, PostStatus) noexcept = default;

 private:
  Value value_;
};

/// How much other threads may post to a loop before it has run what was posted earlier; what is posted beyond it is
/// refused (`PostStatus::full`). What the loop's own thread posts is not refused, for a loop cannot wait for itself.
struct PostLimits {
  /// Tasks that wait. So many empty ones take some 5 MiB.
  std::size_t max_tasks = 65'536;
  /// Bytes that those which wait were posted with. One task is taken, however large, if no bytes wait.
  std::size_t max_bytes = std::size_t{64} << 20;
};

}  // namespace tidewire
