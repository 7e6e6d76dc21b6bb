#include <benchmark/benchmark.h>
#include <tidewire/bench/micro_report.h>
#include <tidewire/http/target.h>
#include <string>

namespace {

using namespace tidewire;
using namespace tidewire::bench;

void http_target(benchmark::State& state, const std::string& text) {
  http::Target target;
  for (auto _ : state) {
    benchmark::ClobberMemory();
    if (const char* wrong = http::parse_target(text, http::Method::get, target)) return state.SkipWithError(wrong);
    benchmark::DoNotOptimize(target);
  }
  report_bytes(state, text.size());
}

BENCHMARK_CAPTURE(http_target, plain, "/plaintext");
BENCHMARK_CAPTURE(http_target, with_query, "/api/v1/orders/7321/history?from=2026-01-01&to=2026-02-01&page=3");
BENCHMARK_CAPTURE(http_target, encoded, "/files/caf%C3%A9%20menu/%E6%9C%88%E6%9B%9C.pdf?v=a%20b");
BENCHMARK_CAPTURE(http_target, absolute, "http://localhost:9001/api/v1/orders?page=3");

}  // namespace
