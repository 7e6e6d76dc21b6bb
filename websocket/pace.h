#pragma once

#include <tidewire/core/export.h>
#include <tidewire/core/timer_wheel.h>
#include <cstdint>
#include <optional>

namespace tidewire::websocket {

/// How long what a peer has begun to send may take, and how slow it may be. A bound of 0 does not apply.
struct PaceBounds {
  Tick timeout = 0;                ///< For all of it.
  Tick window = 0;                 ///< In each window...
  std::uint64_t window_bytes = 0;  ///< ...so many bytes of payload have to come.
};

/// The clock of a message, or of a frame of one, that is under way: its deadline and its least rate.
///
/// It reads no clock and counts nothing by itself: the owner passes the tick, and how much has come in all. A value of
/// a few words; while nothing is under way it is not begun and costs nothing.
class TIDEWIRE_API Pace {
 public:
  enum class Verdict : std::uint8_t {
    in_time,
    too_late,  ///< PaceBounds::timeout has passed.
    too_slow,  ///< A window has passed in which fewer than PaceBounds::window_bytes came.
  };

  [[nodiscard]] bool begun() const noexcept { return begun_; }
  /// Starts the clock. Does nothing once begun.
  void begin(Tick now) noexcept;
  /// Stops the clock, while the owner does not read. Does nothing unless it is begun and runs.
  void stop(Tick now) noexcept;
  /// Lets it go on: the time since `stop` does not count.
  void resume(Tick now) noexcept;

  /// The verdict at `now`, once `received` bytes of payload have come since the beginning. A window that was full
  /// enough is followed by the next. One that is looked at late needs no more bytes than one that is looked at in time.
  [[nodiscard]] Verdict check(Tick now, std::uint64_t received, const PaceBounds& bounds) noexcept;

  /// When to check next; nothing while the clock stands still, or without bounds.
  [[nodiscard]] std::optional<Tick> due(const PaceBounds& bounds) const noexcept;

 private:
  bool begun_ = false;
  bool stopped_ = false;
  Tick began_ = 0;
  Tick window_began_ = 0;
  Tick stopped_at_ = 0;
  std::uint64_t before_window_ = 0;  // Bytes that had come when the window began.
};

}  // namespace tidewire::websocket
