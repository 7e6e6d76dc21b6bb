#include <benchmark/benchmark.h>
#include <tidewire/http/date.h>

namespace {

void http_date(benchmark::State& state) {
  std::int64_t second = 1'790'000'000;
  for (auto _ : state) benchmark::DoNotOptimize(tidewire::http::DateText(++second));
}

BENCHMARK(http_date);

}  // namespace
