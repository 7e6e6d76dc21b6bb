#pragma once

#include <tidewire/core/export.h>
#include <atomic>
#include <cstdint>

namespace tidewire {

/// A count that one thread, the loop's, changes, and that any thread may read. Costs what a plain integer
/// costs: no locked instruction. Histogram, in core/histogram.h, counts values by size in the same way.
class Counter {
 public:
  void add(std::uint64_t amount = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// A count of what is there now: goes up and down. Threads as for Counter.
class Gauge {
 public:
  void add(std::int64_t amount = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void subtract(std::int64_t amount = 1) noexcept { add(-amount); }
  [[nodiscard]] std::int64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

}  // namespace tidewire
