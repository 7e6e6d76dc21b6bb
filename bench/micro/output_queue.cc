#include <benchmark/benchmark.h>
#include <tidewire/bench/micro_report.h>
#include <tidewire/transport/output_queue.h>
#include <array>
#include <vector>

namespace {

using namespace tidewire;
using namespace tidewire::bench;
using transport::OutputQueue;

/// What a write takes out of the queue.
void write_all(OutputQueue& queue) {
  std::array<Bytes, 64> pieces;
  while (!queue.empty()) {
    const std::size_t count = queue.front(pieces, SIZE_MAX);
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < count; ++i) bytes += pieces[i].size();
    benchmark::DoNotOptimize(pieces.data());
    queue.consume(bytes);
  }
  queue.clear();
}

/// Messages with their headers, copied; then written in one piece.
void output_queue_copies(benchmark::State& state) {
  const std::vector<std::byte> payload(static_cast<std::size_t>(state.range(0)));
  const auto depth = static_cast<std::size_t>(state.range(1));
  constexpr std::array<std::byte, 4> header = {};
  OutputQueue queue;
  for (auto _ : state) {
    for (std::size_t i = 0; i < depth; ++i) queue.append(header, payload);
    write_all(queue);
  }
  report_bytes(state, depth * (header.size() + payload.size()));
  report_items(state, depth);
}

/// Messages that many connections share.
void output_queue_shared(benchmark::State& state) {
  const SharedBytes frame = SharedBytes::copy_of(std::vector<std::byte>(static_cast<std::size_t>(state.range(0))));
  const auto depth = static_cast<std::size_t>(state.range(1));
  OutputQueue queue;
  for (auto _ : state) {
    for (std::size_t i = 0; i < depth; ++i) queue.append(frame);
    write_all(queue);
  }
  report_items(state, depth);
}

BENCHMARK(output_queue_copies)->Args({20, 1})->Args({20, 64})->Args({1024, 16})->Args({16 * 1024, 1});
BENCHMARK(output_queue_shared)->Args({100, 1})->Args({100, 16});

}  // namespace
