#pragma once

#include <tidewire/core/export.h>
#include <tidewire/core/timer_wheel.h>
#include <chrono>
#include <cstdint>

namespace tidewire {

/// The time by which a loop's deadlines go: ticks since it was made, without the time in which the loop was away.
///
/// A loop is away while something else has its thread or its process: a handler that blocks, SIGSTOP, a debugger, a
/// virtual machine that is suspended. Its peers could not be heard meanwhile, so that time is not held against them:
/// the clock stands still, and every deadline moves by as much.
///
/// It reads no clock of the system: the loop passes the time, in milliseconds of libuv's clock.
class TIDEWIRE_API LoopClock {
 public:
  /// The length of a tick: deadlines are this precise.
  static constexpr std::chrono::milliseconds tick_length{50};
  /// The shortest time away that counts. Less is load.
  static constexpr std::chrono::milliseconds shortest_absence{1'000};

  explicit LoopClock(std::uint64_t now_ms) noexcept : epoch_ms_(now_ms), woke_ms_(now_ms), asleep_ms_(now_ms) {}

  [[nodiscard]] Tick tick(std::uint64_t now_ms) const noexcept {
    return static_cast<Tick>((now_ms - epoch_ms_) / static_cast<std::uint64_t>(tick_length.count()));
  }
  /// When a tick begins that is not further from `now_ms` than half the range of a Tick.
  [[nodiscard]] std::uint64_t beginning_of(Tick tick, std::uint64_t now_ms) const noexcept;

  /// The loop begins to wait for events, until `timeout_ms` later at the latest; -1: without end.
  void begin_wait(std::uint64_t now_ms, int timeout_ms) noexcept;
  /// The wait has ended. Returns how long the loop was away since the last time, in milliseconds; 0 if it was not.
  std::uint64_t end_wait(std::uint64_t now_ms) noexcept;

 private:
  std::uint64_t epoch_ms_;
  std::uint64_t woke_ms_;    // When the last wait ended.
  std::uint64_t asleep_ms_;  // When the last wait began.
  int timeout_ms_ = 0;
};

}  // namespace tidewire
