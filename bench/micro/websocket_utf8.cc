#include <benchmark/benchmark.h>
#include <tidewire/bench/frames.h>
#include <tidewire/bench/micro_report.h>
#include <tidewire/websocket/utf8.h>
#include <array>
#include <cstdint>
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

/// The states of RFC 3629's grammar: how many bytes of a character are still to come, and what the next may be.
enum State : std::uint8_t { start, one, two, three, after_e0, after_ed, after_f0, after_f4, bad, states };

constexpr std::array<std::array<State, 256>, states> transitions() {
  std::array<std::array<State, 256>, states> table = {};
  for (auto& row : table) row.fill(bad);
  const auto on = [&table](State from, unsigned first, unsigned last, State to) {
    for (unsigned byte = first; byte <= last; ++byte) table[from][byte] = to;
  };
  on(start, 0x00, 0x7F, start);
  on(start, 0xC2, 0xDF, one);
  on(start, 0xE0, 0xEF, two);
  on(start, 0xE0, 0xE0, after_e0);
  on(start, 0xED, 0xED, after_ed);
  on(start, 0xF0, 0xF4, three);
  on(start, 0xF0, 0xF0, after_f0);
  on(start, 0xF4, 0xF4, after_f4);
  on(one, 0x80, 0xBF, start);
  on(two, 0x80, 0xBF, one);
  on(three, 0x80, 0xBF, two);
  on(after_e0, 0xA0, 0xBF, one);
  on(after_ed, 0x80, 0x9F, one);
  on(after_f0, 0x90, 0xBF, two);
  on(after_f4, 0x80, 0x8F, two);
  return table;
}

/// A yardstick: a look-up for each byte, which is how it is done without vectors.
void utf8_state_machine(benchmark::State& state, Content content) {
  static constexpr auto next = transitions();
  const std::string text = payload(content, static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    benchmark::ClobberMemory();
    State at = start;
    for (const char c : text) at = next[at][static_cast<unsigned char>(c)];
    if (at != start) return state.SkipWithError("valid text is not taken for it");
  }
  report_bytes(state, text.size());
}

/// Another: to look at bytes takes as long as to copy them.
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
BENCHMARK_CAPTURE(utf8_state_machine, ascii, Content::ascii)->Arg(1024)->Arg(16 * 1024);
BENCHMARK_CAPTURE(utf8_state_machine, mixed, Content::mixed)->Arg(1024)->Arg(16 * 1024);
BENCHMARK(utf8_memcpy)->Arg(20)->Arg(125)->Arg(1024)->Arg(16 * 1024);

}  // namespace
