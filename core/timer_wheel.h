#pragma once

#include <tidewire/core/export.h>
#include <array>
#include <cstdint>
#include <optional>

namespace tidewire {

/// Coarse time: the count of ticks since the loop was made. 32 bits last for almost seven years.
using Tick = std::uint32_t;

class TimerWheel;

/// Something that a TimerWheel calls when its time has come; a connection derives from it. Destroying it
/// disarms it. 24 bytes and the virtual table's pointer, so that a connection that sleeps stays small.
class TIDEWIRE_API Deadline {
 public:
  Deadline() noexcept = default;
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  virtual ~Deadline() { unlink(); }

  [[nodiscard]] bool armed() const noexcept { return link_ != nullptr; }
  /// When it is due; meaningful while armed.
  [[nodiscard]] Tick due() const noexcept { return due_; }

 protected:
  /// The deadline has passed, and is no longer armed: it may be armed anew, and anything may be destroyed,
  /// this object included. Exceptions end here.
  virtual void on_deadline() noexcept = 0;

 private:
  friend class TimerWheel;
  void unlink() noexcept;

  Deadline* next_ = nullptr;
  Deadline** link_ = nullptr;  // Whatever points at this: a slot's head, or the one before.
  Tick due_ = 0;
};

/// Deadlines of a whole loop: O(1) to arm, to move and to disarm, whatever their number.
///
/// A wheel of slots, each the list of what falls due at one tick. What lies further ahead than the wheel is
/// round stays in its slot and is looked at once a turn. It knows no clock: the loop tells it the time, and
/// asks for the next tick at which there is something to look at. Traffic does not re-arm a deadline, it
/// only notes the tick; the deadline re-arms itself when it falls due and finds that there was traffic.
///
/// One thread: the loop's.
class TIDEWIRE_API TimerWheel {
 public:
  TimerWheel() noexcept = default;
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  /// Disarms all that is armed.
  ~TimerWheel();

  /// Arms `deadline` for `due`, or moves it there. A tick that has passed means the next one.
  void arm(Deadline& deadline, Tick due) noexcept;
  void disarm(Deadline& deadline) noexcept { deadline.unlink(); }

  /// It is `now`: calls on_deadline of everything due until then, each once. Time that went back is ignored.
  void advance(Tick now);

  /// The next tick at which `advance` has something to look at; nothing when nothing is armed.
  [[nodiscard]] std::optional<Tick> next() noexcept;

 private:
  static constexpr std::size_t slot_count = 1024;
  static constexpr std::size_t word_bits = 64;

  void expire_slot(std::size_t slot, Tick now);

  std::array<Deadline*, slot_count> slots_{};
  std::array<std::uint64_t, slot_count / word_bits> occupied_{};  // A set bit may be stale, a clear one is not.
  Tick now_ = 0;
};

}  // namespace tidewire
