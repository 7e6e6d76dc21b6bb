#pragma once

#include <tidewire/core/export.h>
#include <cstddef>
#include <cstdint>

namespace tidewire {

/// Counts the work that a loop does for its connections, so that each of them leaves the others their turn.
///
/// A connection has a *slice*: when its work is `spent`, it keeps what is left of its input and goes on in a later
/// turn, after the others. All slices of a turn together have the turn's budget; what has had no slice when that is
/// spent goes first in the next turn.
///
/// Work is counted where it is done, and not timed: a count costs an addition and is the same on every machine and in
/// every test. The unit is about a nanosecond of the machine that the figures in `work` were measured on. See
/// docs/explanation/fairness.md.
///
/// One thread: the loop's. Code without I/O is given one as a parameter.
class Budget {
 public:
  Budget() noexcept = default;
  /// One that is never spent, for work without a loop.
  enum WithoutEnd : unsigned char { without_end };
  explicit Budget(WithoutEnd) noexcept : slice_end_(UINT64_MAX), turn_end_(UINT64_MAX) {}

  /// A connection's share of a turn, about half a millisecond: long enough that going on later costs nothing that can
  /// be measured, short enough that ten greedy connections hold up another for 5 ms.
  static constexpr std::uint64_t slice_work = 500'000;
  /// All of a turn, about two milliseconds: after that the loop looks for events, timers and tasks.
  static constexpr std::uint64_t turn_work = 2'000'000;

  void charge(std::uint64_t units) noexcept { done_ += units; }
  /// Whether the slice is used up. Work that cannot be interrupted may exceed it.
  [[nodiscard]] bool spent() const noexcept { return done_ >= slice_end_; }
  /// Whether the turn is.
  [[nodiscard]] bool turn_spent() const noexcept { return done_ >= turn_end_; }

  void begin_slice() noexcept { slice_end_ = done_ + slice_work; }
  void begin_turn() noexcept { turn_end_ = done_ + turn_work; }

  /// All work so far.
  [[nodiscard]] std::uint64_t done() const noexcept { return done_; }

 private:
  std::uint64_t done_ = 0;
  std::uint64_t slice_end_ = slice_work;
  std::uint64_t turn_end_ = turn_work;
};

/// What things cost, in a Budget's units: rounded, and rather too much than too little for what a peer can have done
/// without end. What handlers do beside sending is not counted.
namespace work {

/// A byte that is read, and then unmasked, checked, or copied.
inline constexpr std::uint64_t byte_received = 1;
/// A call of the system that reads.
inline constexpr std::uint64_t read = 500;
/// A connection that is accepted: its socket, its memory.
inline constexpr std::uint64_t accept = 20'000;
/// A step of a TLS handshake. Signing with an RSA key of 2048 bits takes most of it.
inline constexpr std::uint64_t handshake_step = 500'000;
/// A TLS record beside its bytes.
inline constexpr std::uint64_t record = 500;
/// An HTTP request, from its head to its answer.
inline constexpr std::uint64_t request = 800;
/// A WebSocket message, and each frame of one in fragments.
inline constexpr std::uint64_t message = 100;
/// A control frame, which may have to be answered.
inline constexpr std::uint64_t control_frame = 200;
/// A byte of a compressed message: a table of codes has at least some ten of them.
inline constexpr std::uint64_t byte_to_inflate = 10;
/// And one to which no byte of text corresponds: blocks that are empty, with their tables.
inline constexpr std::uint64_t byte_inflated_to_nothing = 250;
/// A byte of text that comes of it.
inline constexpr std::uint64_t byte_inflated = 2;
/// A message that is compressed, and each of its bytes.
inline constexpr std::uint64_t compression = 2'000;
inline constexpr std::uint64_t byte_to_compress = 5;
[[nodiscard]] constexpr std::uint64_t to_compress(std::size_t bytes) noexcept {
  return compression + bytes * byte_to_compress;
}

}  // namespace work

}  // namespace tidewire
