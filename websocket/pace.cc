#include <tidewire/websocket/pace.h>

namespace tidewire::websocket {
namespace {

// Ticks wrap: only differences have a meaning.
bool reached(Tick due, Tick now) noexcept { return static_cast<std::int32_t>(now - due) >= 0; }

}  // namespace

void Pace::begin(Tick now) noexcept {
  if (begun_) return;
  begun_ = true;
  began_ = window_began_ = now;
}

void Pace::stop(Tick now) noexcept {
  if (!begun_ || stopped_) return;
  stopped_ = true;
  stopped_at_ = now;
}

void Pace::resume(Tick now) noexcept {
  if (!stopped_) return;
  stopped_ = false;
  began_ += now - stopped_at_;
  window_began_ += now - stopped_at_;
}

Pace::Verdict Pace::check(Tick now, std::uint64_t received, const PaceBounds& bounds) noexcept {
  if (!begun_ || stopped_) return Verdict::in_time;
  if (bounds.timeout != 0 && reached(began_ + bounds.timeout, now)) return Verdict::too_late;
  if (bounds.window == 0 || !reached(window_began_ + bounds.window, now)) return Verdict::in_time;
  if (received - before_window_ < bounds.window_bytes) return Verdict::too_slow;
  window_began_ = now;
  before_window_ = received;
  return Verdict::in_time;
}

std::optional<Tick> Pace::due(const PaceBounds& bounds) const noexcept {
  std::optional<Tick> due;
  if (!begun_ || stopped_) return due;
  if (bounds.timeout != 0) due = began_ + bounds.timeout;
  if (bounds.window != 0 && (!due || reached(window_began_ + bounds.window, *due))) due = window_began_ + bounds.window;
  return due;
}

}  // namespace tidewire::websocket
