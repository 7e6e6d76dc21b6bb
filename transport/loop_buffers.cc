#include <tidewire/transport/loop_buffers.h>

namespace tidewire::transport {
namespace {

// Enough for the subscribers of a busy topic to be served without an allocation, little enough to keep.
constexpr std::size_t spare_limit = 1024;

}  // namespace

// The buffer is not initialised: pages that no connection ever fills are never touched.
LoopBuffers::LoopBuffers(Loop& owner) : loop(owner), held(owner), receive_(new std::byte[receive_bytes]) {
  spare_.reserve(spare_limit);
}

std::unique_ptr<PendingOutput> LoopBuffers::take_pending() {
  if (spare_.empty()) return std::make_unique<PendingOutput>();
  auto pending = std::move(spare_.back());
  spare_.pop_back();
  return pending;
}

void LoopBuffers::give_back(std::unique_ptr<PendingOutput> pending) noexcept {
  if (spare_.size() == spare_limit) return;
  pending->queue.clear();
  pending->progress = false;
  spare_.push_back(std::move(pending));
}

}  // namespace tidewire::transport
