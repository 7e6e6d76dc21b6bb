#include <tidewire/core/histogram.h>
#include <algorithm>
#include <cmath>

namespace tidewire {

Histogram::Histogram(const HistogramOptions& options)
    : precision_bits_(std::clamp(options.precision_bits, 1, 14)),
      last_(index_of(options.highest)),
      counts_(std::make_unique<Cell[]>(last_ + 1)) {}

std::uint64_t Histogram::lowest_of(std::size_t index) const noexcept {
  // The inverse of index_of, where the first two runs of 2^precision_bits indices share the shift 0.
  const std::size_t run = index >> precision_bits_;
  const std::size_t shift = run > 0 ? run - 1 : 0;
  return std::uint64_t{index - (shift << precision_bits_)} << shift;
}

std::uint64_t Histogram::highest_of(std::size_t index) const noexcept {
  if (index == last_) return std::numeric_limits<std::uint64_t>::max();
  return lowest_of(index + 1) - 1;
}

void Histogram::add(const Histogram& other) noexcept {
  const bool same = other.precision_bits_ == precision_bits_ && other.last_ == last_;
  std::uint64_t added = 0;
  for (std::size_t index = 0; index <= other.last_; ++index) {
    const std::uint64_t times = other.at(index);
    if (times == 0) continue;
    added += times;
    const std::size_t here = same ? index : std::min(index_of(std::min(other.highest_of(index), other.max())), last_);
    raise(counts_[here], times);
  }
  if (added == 0) return;
  raise(count_, added);
  raise(sum_, other.sum_.load(std::memory_order_relaxed));
  note_extremes(other.min_.load(std::memory_order_relaxed), other.max());
}

void Histogram::reset() noexcept {
  for (std::size_t index = 0; index <= last_; ++index) counts_[index].store(0, std::memory_order_relaxed);
  count_.store(0, std::memory_order_relaxed);
  sum_.store(0, std::memory_order_relaxed);
  min_.store(std::numeric_limits<std::uint64_t>::max(), std::memory_order_relaxed);
  max_.store(0, std::memory_order_relaxed);
}

std::uint64_t Histogram::min() const noexcept {
  const std::uint64_t lowest = min_.load(std::memory_order_relaxed);
  return lowest == std::numeric_limits<std::uint64_t>::max() && count() == 0 ? 0 : lowest;
}

double Histogram::mean() const noexcept {
  const std::uint64_t values = count();
  return values == 0 ? 0 : static_cast<double>(sum_.load(std::memory_order_relaxed)) / static_cast<double>(values);
}

std::uint64_t Histogram::value_at_quantile(double quantile) const noexcept {
  // From the buckets, which another thread may be writing, and not from count_: the walk has to end among them.
  std::uint64_t values = 0;
  for (std::size_t index = 0; index <= last_; ++index) values += at(index);
  if (values == 0) return 0;
  if (!(quantile > 0)) return min();
  const double rank = std::ceil(std::min(quantile, 1.0) * static_cast<double>(values));
  std::uint64_t up_to_here = 0;
  for (std::size_t index = 0; index < last_; ++index) {
    up_to_here += at(index);
    if (up_to_here > 0 && static_cast<double>(up_to_here) >= rank) return std::min(highest_of(index), max());
  }
  return max();
}

}  // namespace tidewire
