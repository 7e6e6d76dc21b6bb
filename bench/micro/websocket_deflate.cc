#include <benchmark/benchmark.h>
#include <malloc.h>
#include <support/json_text.h>
#include <support/zlib_peer.h>
#include <tidewire/bench/micro_report.h>
#include <tidewire/websocket/deflate.h>
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace tidewire;
using namespace tidewire::bench;
using namespace tidewire::websocket;
using support::json_text;

constexpr std::uint8_t default_level = DeflateSettings().level;

/// Messages that differ, as those of an application do.
std::vector<std::string> messages(std::size_t bytes) {
  std::vector<std::string> out;
  for (unsigned seed = 0; seed < 64; ++seed) out.push_back(json_text(bytes, seed));
  return out;
}

std::vector<std::string> payloads(DeflateBackend backend, const DeflateSettings& settings,
                                  const std::vector<std::string>& of) {
  DeflateEngines engines(backend);
  Deflater deflater(engines, settings);
  std::vector<std::string> out;
  Buffer payload;
  for (const std::string& message : of) {
    payload.clear();
    if (!deflater.compress(as_bytes(message), true, payload)) std::abort();
    out.emplace_back(as_text(payload.view()));
  }
  return out;
}

/// `compress` one message after the other: their time, and what of their size is left.
template <class Compress>
void compress_each(benchmark::State& state, const std::vector<std::string>& texts, Compress compress) {
  std::size_t next = 0, in_bytes = 0, out_bytes = 0;
  for (auto _ : state) {
    const std::string& text = texts[next++ % texts.size()];
    in_bytes += text.size();
    out_bytes += compress(text);
  }
  report_bytes(state, texts.front().size());
  state.counters["ratio"] = static_cast<double>(out_bytes) / static_cast<double>(in_bytes);
}

void deflate_compress(benchmark::State& state, DeflateBackend backend, DeflateSettings settings, std::size_t bytes,
                      std::int64_t window_bits) {
  settings.window_bits = static_cast<std::uint8_t>(window_bits);
  DeflateEngines engines(backend);
  Deflater deflater(engines, settings);
  Buffer payload;
  compress_each(state, messages(bytes), [&](const std::string& text) {
    payload.clear();
    if (!deflater.compress(as_bytes(text), true, payload)) std::abort();
    return payload.size();
  });
}

/// Of so many bytes, in a window of so many bits.
void deflate_compress_sizes(benchmark::State& state, DeflateBackend backend, const DeflateSettings& settings) {
  deflate_compress(state, backend, settings, static_cast<std::size_t>(state.range(0)), state.range(1));
}

void deflate_compress_kept_level(benchmark::State& state) {
  const auto level = static_cast<std::uint8_t>(state.range(0));
  deflate_compress(state, DeflateBackend::zlib, {.takeover = true, .level = level, .keep_compressor = true}, 1024, 13);
}

/// The yardstick for sizes: zlib as it comes, kept from message to message.
void deflate_compress_zlib_level_6(benchmark::State& state) {
  const auto texts = messages(static_cast<std::size_t>(state.range(0)));
  testing::ZlibDeflater deflater(static_cast<int>(state.range(1)));
  compress_each(state, texts, [&](const std::string& text) { return deflater(text).size(); });
}

/// With takeover each message refers to those before it, so they are inflated in their order, again and again.
void deflate_inflate(benchmark::State& state, DeflateBackend backend, bool takeover) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const DeflateSettings settings = {takeover, static_cast<std::uint8_t>(state.range(1)), default_level};
  const auto inputs = payloads(DeflateBackend::zlib, settings, messages(size));
  DeflateEngines engines(backend);
  Inflater inflater(engines, settings);
  std::vector<std::byte> out(size + 1);
  std::size_t next = 0;
  for (auto _ : state) {
    if (next == inputs.size()) {
      inflater = Inflater(engines, settings);
      next = 0;
    }
    Bytes input = as_bytes(inputs[next++]);
    const auto [produced, outcome] = inflater.inflate(input, true, out);
    if (outcome != InflateState::complete || produced != size) return state.SkipWithError("not what was compressed");
  }
  report_bytes(state, size);
}

/// What malloc has handed out.
std::size_t allocated() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

/// What a loop has allocated once it has compressed and inflated messages of so many bytes, and what a connection has
/// then, whose window is so large. Nothing is measured but memory.
void deflate_memory(benchmark::State& state, DeflateBackend backend) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const DeflateSettings settings = {true, static_cast<std::uint8_t>(state.range(1)), default_level};
  const auto texts = messages(size);
  const auto inputs = payloads(backend, settings, texts);
  Buffer payload;
  payload.append(as_bytes(std::string(2 * size + 1024, ' ')));
  std::vector<std::byte> out(size + 1);
  for (auto _ : state) {
    const std::size_t before = allocated();
    DeflateEngines engines(backend);
    Deflater deflater(engines, settings);
    Inflater inflater(engines, settings);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      payload.clear();
      if (!deflater.compress(as_bytes(texts[i]), true, payload)) return state.SkipWithError("no memory");
      Bytes input = as_bytes(inputs[i]);
      if (inflater.inflate(input, true, out).state != InflateState::complete) {
        return state.SkipWithError("not what was compressed");
      }
    }
    const std::size_t of_connection = deflater.memory() + inflater.memory();
    state.counters["loop_bytes"] = static_cast<double>(allocated() - before - of_connection);
    state.counters["sending_bytes"] = static_cast<double>(deflater.memory());
    state.counters["receiving_bytes"] = static_cast<double>(inflater.memory());
  }
}

[[maybe_unused]] const bool registered = [] {
  for (const DeflateBackend backend : deflate_backends()) {
    const std::string name = deflate_backend_name(backend);
    auto* const alone = benchmark::RegisterBenchmark(("deflate_compress/" + name).c_str(), deflate_compress_sizes,
                                                     backend, DeflateSettings{});
    auto* const inflate_alone =
        benchmark::RegisterBenchmark(("deflate_inflate/" + name).c_str(), deflate_inflate, backend, false);
    for (const std::int64_t size : {64, 256, 1024, 4096, 16384, 65536}) {
      alone->Args({size, 15});
      inflate_alone->Args({size, 15});
    }
    auto* const levels = benchmark::RegisterBenchmark(("deflate_compress_level_6/" + name).c_str(),
                                                      deflate_compress_sizes, backend, DeflateSettings{.level = 6});
    for (const std::int64_t size : {1024, 16384, 65536}) levels->Args({size, 15});
    auto* const takeover =
        benchmark::RegisterBenchmark(("deflate_compress_takeover/" + name).c_str(), deflate_compress_sizes, backend,
                                     DeflateSettings{.takeover = true});
    auto* const inflate_takeover =
        benchmark::RegisterBenchmark(("deflate_inflate_takeover/" + name).c_str(), deflate_inflate, backend, true);
    for (std::int64_t bits = 9; bits <= 15; ++bits) {
      takeover->Args({1024, bits});
      inflate_takeover->Args({1024, bits});
    }
    for (const std::int64_t size : {64, 256, 4096, 16384, 65536}) {
      takeover->Args({size, 12});
      inflate_takeover->Args({size, 12});
    }
    auto* const memory = benchmark::RegisterBenchmark(("deflate_memory/" + name).c_str(), deflate_memory, backend);
    memory->Args({1024, 9})->Args({1024, 12})->Args({1024, 15})->Args({65536, 12})->Args({65536, 15})->Iterations(1);
  }
  // Whatever the back end, it is our own.
  auto* const kept = benchmark::RegisterBenchmark("deflate_compress_kept", deflate_compress_sizes, DeflateBackend::zlib,
                                                  DeflateSettings{.takeover = true, .keep_compressor = true});
  for (std::int64_t bits = 9; bits <= 15; ++bits) kept->Args({1024, bits});
  for (const std::int64_t size : {64, 256, 4096, 16384, 65536}) kept->Args({size, 13});
  auto* const kept_levels =
      benchmark::RegisterBenchmark("deflate_compress_kept_1k_13_bits", deflate_compress_kept_level);
  for (std::int64_t level = 1; level <= 9; ++level) kept_levels->Arg(level);
  auto* const level_6 = benchmark::RegisterBenchmark("deflate_compress_zlib_level_6", deflate_compress_zlib_level_6);
  for (std::int64_t bits = 9; bits <= 15; ++bits) level_6->Args({1024, bits});
  return true;
}();

}  // namespace
