#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tidewire::bench {

/// When batches are due: one every so often, and each on the next of the connections in turn. The times are fixed by
/// the start alone, so that no delay shifts those that follow.
class Schedule {
 public:
  using Clock = std::chrono::steady_clock;

  Schedule(double batches_per_second, std::size_t connections) noexcept
      : nanoseconds_apart_(1e9 / batches_per_second), connections_(connections) {}

  void start_at(Clock::time_point start) noexcept { start_ = start; }

  [[nodiscard]] Clock::time_point due(std::uint64_t batch) const noexcept {
    return start_ +
           std::chrono::nanoseconds(static_cast<std::int64_t>(nanoseconds_apart_ * static_cast<double>(batch)));
  }
  [[nodiscard]] std::size_t connection_of(std::uint64_t batch) const noexcept {
    return static_cast<std::size_t>(batch % connections_);
  }
  /// The number, among all, of a connection's batch that has this number among its own.
  [[nodiscard]] std::uint64_t batch_of(std::size_t connection, std::uint64_t own_number) const noexcept {
    return own_number * connections_ + connection;
  }

 private:
  double nanoseconds_apart_;
  std::uint64_t connections_;
  Clock::time_point start_;
};

}  // namespace tidewire::bench
