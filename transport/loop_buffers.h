#pragma once

#include <tidewire/core/loop.h>
#include <tidewire/transport/held_output.h>
#include <tidewire/transport/output_queue.h>
#include <vector>

namespace tidewire::transport {

/// What a socket stream needs only while it has output that could not leave at once, or that was written
/// outside a read callback. Taken from the loop's pool and given back when all has gone.
struct PendingOutput {
  OutputQueue queue;
  bool progress = false;  // Something has left since the consumer was told.
};

/// What all socket streams of a loop share, so that none of them needs buffers of its own while it has
/// nothing to wait for: the buffer that is read into, the output that is held until the end of the turn, and a
/// pool of what a stream needs while it has more to send than the system takes.
class LoopBuffers {
 public:
  explicit LoopBuffers(Loop& owner);

  static constexpr std::size_t receive_bytes = 256 * 1024;
  /// The memory that the pool keeps for what has to wait next, in all: enough for the subscribers of a busy topic.
  static constexpr std::size_t spare_bytes = 1024 * 1024;

  [[nodiscard]] MutableBytes receive() noexcept { return {receive_.get(), receive_bytes}; }

  /// An empty PendingOutput. Throws std::bad_alloc.
  [[nodiscard]] std::unique_ptr<PendingOutput> take_pending();
  /// Takes one back; keeps it, unless there are many.
  void give_back(std::unique_ptr<PendingOutput> pending) noexcept;

  Loop& loop;
  HeldOutput held;

 private:
  std::unique_ptr<std::byte[]> receive_;
  std::vector<std::unique_ptr<PendingOutput>> spare_;
  std::size_t spare_bytes_ = 0;  // Of memory that is kept in them.
};

}  // namespace tidewire::transport
