#pragma once

#include <tidewire/core/export.h>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>

namespace tidewire {

struct HistogramOptions {
  /// The largest value that is told apart from larger ones. The default is a minute in nanoseconds.
  std::uint64_t highest = 60'000'000'000;
  /// Each power of two has 2^precision_bits buckets, so that a value is known within a share of 2^-precision_bits. The
  /// default, 7, is under 0.8% and so two significant digits; with the default range it takes 30 KiB. From 1 to 14,
  /// and outside these the nearer one.
  int precision_bits = 7;
};

/// How often which values occurred, such as latencies, in memory of a fixed size: buckets that are log-linear as in
/// HdrHistogram, of width 1 up to 2^(precision_bits + 1), and from there twice as wide with each power of two.
///
/// A quantile is the highest value of the bucket where it falls, and no more than the maximum: never below the value
/// that was recorded, and above it by less than a share of 2^-precision_bits. Count, minimum, maximum and mean are
/// exact. Values above `highest` are counted in the last bucket, whose quantiles are the maximum.
///
/// Threads as for Counter: one thread records, adds to it and resets it, any may read meanwhile. A reader may find some
/// of a record done and some not yet (the bucket, but not the mean). Recording takes a constant time, allocates nothing
/// and has no locked instruction.
class TIDEWIRE_API Histogram {
 public:
  /// What was counted from `lowest` to `highest`, both included.
  struct Bucket {
    std::uint64_t lowest = 0;
    std::uint64_t highest = 0;
    std::uint64_t count = 0;
  };

  explicit Histogram(const HistogramOptions& options = HistogramOptions());

  void record(std::uint64_t value, std::uint64_t times = 1) noexcept {
    const std::size_t index = index_of(value);
    raise(counts_[index < last_ ? index : last_], times);
    raise(count_, times);
    raise(sum_, value * times);
    note_extremes(value, value);
  }

  /// Counts what `other` has counted too. Exact between histograms of the same options; a bucket of other options is
  /// counted where its highest value belongs. `other` may be written meanwhile.
  void add(const Histogram& other) noexcept;
  void reset() noexcept;

  [[nodiscard]] std::uint64_t count() const noexcept { return count_.load(std::memory_order_relaxed); }
  /// 0 when nothing was recorded, as are maximum, mean and all quantiles.
  [[nodiscard]] std::uint64_t(min)() const noexcept;
  [[nodiscard]] std::uint64_t(max)() const noexcept { return max_.load(std::memory_order_relaxed); }
  /// Of sums below 2^64: of latencies in nanoseconds, 584 years together.
  [[nodiscard]] double mean() const noexcept;

  /// The value that a share of `quantile` of the values does not exceed: 0.5 for the median, 0 for the minimum, 1 for
  /// the maximum. It looks at all buckets up to there.
  [[nodiscard]] std::uint64_t value_at_quantile(double quantile) const noexcept;

  /// Calls `visit(Bucket)` for each bucket that is not empty, in rising order.
  template <class Visitor>
  void for_each(Visitor&& visit) const {
    for (std::size_t index = 0; index <= last_; ++index) {
      if (const std::uint64_t count = at(index); count > 0) visit(Bucket{lowest_of(index), highest_of(index), count});
    }
  }

 private:
  using Cell = std::atomic<std::uint64_t>;

  static void raise(Cell& cell, std::uint64_t amount) noexcept {
    cell.store(cell.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void note_extremes(std::uint64_t low, std::uint64_t high) noexcept {
    if (low < min_.load(std::memory_order_relaxed)) min_.store(low, std::memory_order_relaxed);
    if (high > max_.load(std::memory_order_relaxed)) max_.store(high, std::memory_order_relaxed);
  }

  /// The values of one power of two, 2^n to 2^(n+1) - 1, lie in buckets of 2^shift values each, where shift is n -
  /// precision_bits. Those below 2^precision_bits have buckets of their own like the next power, hence the bit set
  /// here.
  [[nodiscard]] std::size_t index_of(std::uint64_t value) const noexcept {
    const int shift = 63 - precision_bits_ - std::countl_zero(value | (std::uint64_t{1} << precision_bits_));
    return (static_cast<std::size_t>(shift) << precision_bits_) + static_cast<std::size_t>(value >> shift);
  }
  [[nodiscard]] std::uint64_t lowest_of(std::size_t index) const noexcept;
  [[nodiscard]] std::uint64_t highest_of(std::size_t index) const noexcept;
  [[nodiscard]] std::uint64_t at(std::size_t index) const noexcept {
    return counts_[index].load(std::memory_order_relaxed);
  }

  int precision_bits_;
  std::size_t last_;  ///< Index of the last bucket.
  std::unique_ptr<Cell[]> counts_;
  Cell count_{0};
  Cell sum_{0};
  Cell min_{(std::numeric_limits<std::uint64_t>::max)()};
  Cell max_{0};
};

}  // namespace tidewire
