#include <benchmark/benchmark.h>
#include <tidewire/bench/frames.h>
#include <tidewire/bench/micro_report.h>
#include <tidewire/websocket/frame.h>
#include <tidewire/websocket/protocol.h>
#include <string>

namespace {

using namespace tidewire;
using namespace tidewire::bench;

/// Frames in one piece, as a read brings them: header, unmasking, UTF-8, one event for each.
void websocket_protocol(benchmark::State& state, Content content) {
  const auto payload_bytes = static_cast<std::size_t>(state.range(0));
  const auto depth = static_cast<std::size_t>(state.range(1));
  // Unmasking changes the bytes in place. With a key of zeros it costs the same and leaves them as they are, so that
  // each iteration finds the same frames.
  std::string text;
  for (std::size_t count = 0; count < depth; ++count) text += client_frame(content, payload(content, payload_bytes), 0);

  websocket::Protocol protocol(websocket::Role::server);
  websocket::SpareAssembly spare;
  const websocket::Limits limits;
  for (auto _ : state) {
    MutableBytes input(reinterpret_cast<std::byte*>(text.data()), text.size());
    std::size_t messages = 0;
    while (const auto event = protocol.next(input, limits, spare)) {
      if (event->kind != websocket::Event::Kind::message) return state.SkipWithError("no message");
      benchmark::DoNotOptimize(event->payload.data());
      ++messages;
    }
    if (messages != depth) return state.SkipWithError("not all messages have come");
  }
  report_bytes(state, text.size());
  report_items(state, depth);
}

BENCHMARK_CAPTURE(websocket_protocol, ascii, Content::ascii)
    ->Args({20, 1})
    ->Args({20, 64})
    ->Args({1024, 1})
    ->Args({16384, 1});
BENCHMARK_CAPTURE(websocket_protocol, mixed, Content::mixed)->Args({20, 1})->Args({1024, 1})->Args({16384, 1});
BENCHMARK_CAPTURE(websocket_protocol, binary, Content::binary)->Args({20, 1})->Args({1024, 1})->Args({16384, 1});

void websocket_header_encode(benchmark::State& state) {
  std::array<std::byte, websocket::max_header_bytes> to;
  websocket::FrameHeader header;
  header.payload_bytes = static_cast<std::uint64_t>(state.range(0));
  for (auto _ : state) {
    benchmark::DoNotOptimize(header);
    benchmark::DoNotOptimize(websocket::encode_header(header, to.data()));
    benchmark::ClobberMemory();
  }
}

BENCHMARK(websocket_header_encode)->Arg(20)->Arg(1024)->Arg(1 << 20);

}  // namespace
