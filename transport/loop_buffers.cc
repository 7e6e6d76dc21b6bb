#include <tidewire/transport/loop_buffers.h>
#include <new>

namespace tidewire::transport {
namespace {

std::size_t memory_of(const PendingOutput& pending) noexcept {
  return sizeof(PendingOutput) + pending.queue.memory_bytes();
}

}  // namespace

// The buffer is not initialised: pages that no connection ever fills are never touched.
LoopBuffers::LoopBuffers(Loop& owner) : loop(owner), held(owner), receive_(new std::byte[receive_bytes]) {}

std::unique_ptr<PendingOutput> LoopBuffers::take_pending() {
  if (spare_.empty()) return std::make_unique<PendingOutput>();
  auto pending = std::move(spare_.back());
  spare_.pop_back();
  spare_bytes_ -= memory_of(*pending);
  return pending;
}

void LoopBuffers::give_back(std::unique_ptr<PendingOutput> pending) noexcept {
  pending->queue.clear();
  pending->progress = false;
  const std::size_t memory = memory_of(*pending);
  if (spare_bytes_ + memory > spare_bytes) return;
  try {
    spare_.push_back(std::move(pending));
  } catch (const std::bad_alloc&) {
    return;  // It is freed instead.
  }
  spare_bytes_ += memory;
}

}  // namespace tidewire::transport
