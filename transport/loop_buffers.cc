#include <tidewire/transport/loop_buffers.h>

namespace tidewire::transport {
namespace {

// Enough for the subscribers of a busy topic to be served without an allocation, little enough to keep.
constexpr std::size_t spare_limit = 1024;

}  // namespace

// The buffers are not initialised: pages that no connection ever fills are never touched.
LoopBuffers::LoopBuffers(Loop& owner)
    : loop(owner), receive_(new std::byte[receive_bytes]), held_(new std::byte[held_bytes]) {
  spare_.reserve(spare_limit);
}

PendingOutput* LoopBuffers::take_pending(PendingOutput::Owner& owner) {
  std::unique_ptr<PendingOutput> pending;
  if (spare_.empty()) {
    pending = std::make_unique<PendingOutput>();
  } else {
    pending = std::move(spare_.back());
    spare_.pop_back();
  }
  pending->owner = &owner;
  return pending.release();
}

void LoopBuffers::give_back(PendingOutput* pending) noexcept {
  // One that is still in the loop's list of dirty ones cannot serve another stream before its turn.
  if (pending->dirty || spare_.size() == spare_limit) return PendingOutput::drop(pending);
  pending->owner = nullptr;
  pending->queue.clear();
  pending->progress = false;
  spare_.emplace_back(pending);
}

}  // namespace tidewire::transport
