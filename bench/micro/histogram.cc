#include <benchmark/benchmark.h>
#include <tidewire/bench/micro_report.h>
#include <tidewire/core/histogram.h>
#include <random>
#include <vector>

namespace {

using namespace tidewire;
using namespace tidewire::bench;

/// Latencies from microseconds to a second, in no order.
std::vector<std::uint64_t> latencies() {
  std::mt19937 random(1);
  std::vector<std::uint64_t> out(4096);
  for (auto& each : out) each = 1000 + random() % (std::uint64_t{1000} << random() % 20);
  return out;
}

void histogram_record(benchmark::State& state) {
  const auto values = latencies();
  Histogram histogram;
  std::size_t next = 0;
  for (auto _ : state) {
    histogram.record(values[next]);
    next = (next + 1) % values.size();
  }
  benchmark::DoNotOptimize(histogram.count());
  report_items(state, 1);
}

void histogram_quantile(benchmark::State& state) {
  Histogram histogram;
  for (const std::uint64_t value : latencies()) histogram.record(value);
  for (auto _ : state) benchmark::DoNotOptimize(histogram.value_at_quantile(0.99));
}

BENCHMARK(histogram_record);
BENCHMARK(histogram_quantile);

}  // namespace
