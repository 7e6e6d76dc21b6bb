#include <benchmark/benchmark.h>
#include <tidewire/bench/frames.h>
#include <tidewire/bench/micro_report.h>
#include <tidewire/websocket/utf8.h>
#include <cstring>
#include <string>

namespace {

using namespace tidewire;
using namespace tidewire::bench;

void utf8(benchmark::State& state, Content content) {
  const std::string text = payload(content, static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    benchmark::ClobberMemory();  // Or the answer is found once, before the loop.
    const bool valid = websocket::is_utf8(as_bytes(text));
    if (!valid) return state.SkipWithError("valid text is not taken for it");
  }
  report_bytes(state, text.size());
}

/// In pieces that cut characters, as fragments do.
void utf8_in_pieces(benchmark::State& state) {
  constexpr std::size_t piece_bytes = 1021;
  const std::string text = payload(Content::mixed, static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    benchmark::ClobberMemory();
    websocket::Utf8 check;
    bool valid = true;
    for (std::size_t from = 0; from < text.size(); from += piece_bytes) {
      valid = valid && check.feed(as_bytes(std::string_view(text).substr(from, piece_bytes)));
    }
    if (!valid || !check.complete()) return state.SkipWithError("valid text is not taken for it");
  }
  report_bytes(state, text.size());
}

/// The yardstick: to look at bytes takes as long as to copy them.
void utf8_memcpy(benchmark::State& state) {
  const std::string from = payload(Content::ascii, static_cast<std::size_t>(state.range(0)));
  std::string to(from.size(), '\0');
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), from.size());
    benchmark::ClobberMemory();
  }
  report_bytes(state, from.size());
}

BENCHMARK_CAPTURE(utf8, ascii, Content::ascii)->Arg(20)->Arg(125)->Arg(1024)->Arg(16 * 1024);
BENCHMARK_CAPTURE(utf8, mixed, Content::mixed)->Arg(20)->Arg(125)->Arg(1024)->Arg(16 * 1024);
BENCHMARK(utf8_in_pieces)->Arg(16 * 1024);
BENCHMARK(utf8_memcpy)->Arg(20)->Arg(125)->Arg(1024)->Arg(16 * 1024);

}  // namespace
