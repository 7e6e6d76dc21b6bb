#include <tidewire/transport/held_output.h>
#include <utility>

namespace tidewire::transport {

// The buffer is not initialised: pages that are never filled are never touched.
HeldOutput::HeldOutput(Loop& loop) : loop_(loop), buffer_(new std::byte[capacity]) { regions_.reserve(max_regions); }

void HeldOutput::begin(Holder& holder, const Stream* stream) noexcept {
  // A region is in one piece: it can grow only where it is the last.
  const bool can_grow = holder.region_ == Holder::none || holder.region_ + 1 == regions_.size();
  if (!can_grow || regions_.size() == max_regions) flush_now();
  holder_ = &holder;
  stream_ = stream;
}

void HeldOutput::begin_region() noexcept {
  holder_->region_ = static_cast<std::uint32_t>(regions_.size());
  regions_.push_back({holder_, used_, 0});  // Has room: see begin.
  if (!std::exchange(listed_, true)) loop_.flush_later(*this);
}

Bytes HeldOutput::take(Holder& holder) noexcept {
  if (holder.region_ == Holder::none) return {};
  Region& region = regions_[std::exchange(holder.region_, Holder::none)];
  region.holder = nullptr;
  const Bytes bytes(buffer_.get() + region.begin, region.size);
  // What was added last can give its room back.
  if (&region == &regions_.back()) {
    used_ = region.begin;
    regions_.pop_back();
  }
  return bytes;
}

void HeldOutput::flush_now() noexcept {
  // Meanwhile nothing is held: what a stream sends may go through the one below, whose callback may be running.
  const Callback running = current();
  end();
  for (std::size_t next = 0; next < regions_.size(); ++next) {
    const Region region = regions_[next];
    if (region.holder == nullptr) continue;
    region.holder->region_ = Holder::none;
    region.holder->send_held({buffer_.get() + region.begin, region.size});
  }
  regions_.clear();
  used_ = 0;
  restore(running);
}

void HeldOutput::flush() noexcept {
  listed_ = false;
  flush_now();
}

}  // namespace tidewire::transport
