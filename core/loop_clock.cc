#include <tidewire/core/loop_clock.h>

namespace tidewire {

std::uint64_t LoopClock::beginning_of(Tick tick, std::uint64_t now_ms) const noexcept {
  const auto length = static_cast<std::uint64_t>(tick_length.count());
  const auto ahead = static_cast<std::int32_t>(tick - this->tick(now_ms));
  return epoch_ms_ + ((now_ms - epoch_ms_) / length + static_cast<std::uint64_t>(std::int64_t{ahead})) * length;
}

void LoopClock::begin_wait(std::uint64_t now_ms, int timeout_ms) noexcept {
  asleep_ms_ = now_ms;
  timeout_ms_ = timeout_ms;
}

std::uint64_t LoopClock::end_wait(std::uint64_t now_ms) noexcept {
  std::uint64_t away = asleep_ms_ - woke_ms_;
  const std::uint64_t waited = now_ms - asleep_ms_;
  if (timeout_ms_ >= 0 && waited > static_cast<std::uint64_t>(timeout_ms_)) {
    away += waited - static_cast<std::uint64_t>(timeout_ms_);
  }
  woke_ms_ = now_ms;
  if (away < static_cast<std::uint64_t>(shortest_absence.count())) return 0;
  epoch_ms_ += away;
  return away;
}

}  // namespace tidewire
