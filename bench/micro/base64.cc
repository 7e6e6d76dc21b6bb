#include <benchmark/benchmark.h>
#include <tidewire/bench/frames.h>
#include <tidewire/bench/micro_report.h>
#include <tidewire/core/base64.h>
#include <string>

namespace {

using namespace tidewire;
using namespace tidewire::bench;

void base64_encode(benchmark::State& state) {
  const std::string bytes = payload(Content::binary, static_cast<std::size_t>(state.range(0)));
  std::string text;
  for (auto _ : state) {
    benchmark::ClobberMemory();
    text.clear();
    append_base64(text, as_bytes(bytes));
    benchmark::DoNotOptimize(text.data());
  }
  report_bytes(state, bytes.size());
}

void base64_decode(benchmark::State& state) {
  const std::string bytes = payload(Content::binary, static_cast<std::size_t>(state.range(0)));
  std::string text;
  append_base64(text, as_bytes(bytes));
  for (auto _ : state) {
    benchmark::ClobberMemory();
    benchmark::DoNotOptimize(decode_base64(text));
  }
  report_bytes(state, text.size());
}

// 16 and 20 bytes are those of a handshake: the key, and the SHA-1 that answers it.
BENCHMARK(base64_encode)->Arg(20)->Arg(1024);
BENCHMARK(base64_decode)->Arg(16)->Arg(1024);

}  // namespace
