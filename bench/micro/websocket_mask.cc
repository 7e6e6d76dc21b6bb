// Unmasking in place and while copying, and what memcpy takes for as many bytes: less is not to be had.

#include <benchmark/benchmark.h>
#include <tidewire/bench/micro_report.h>
#include <tidewire/websocket/mask.h>
#include <cstring>
#include <vector>

namespace {

using namespace tidewire;
using namespace tidewire::bench;

constexpr std::size_t alignment = 64;
constexpr std::uint32_t key = 0x5a1773c4;

/// Bytes that begin so far behind a cache line's begin.
class Place {
 public:
  Place(std::size_t size, std::size_t offset) : bytes_(size + 2 * alignment), size_(size) {
    const auto address = reinterpret_cast<std::uintptr_t>(bytes_.data());
    start_ = (alignment - address % alignment) % alignment + offset;
  }
  MutableBytes bytes() { return MutableBytes(bytes_).subspan(start_, size_); }

 private:
  std::vector<std::byte> bytes_;
  std::size_t size_;
  std::size_t start_;
};

void sizes_and_offsets(benchmark::internal::Benchmark* each) {
  each->ArgNames({"bytes", "offset"});
  for (const std::int64_t size : {20, 125, 1024, 16 * 1024, 1024 * 1024}) {
    for (const std::int64_t offset : {0, 6}) each->Args({size, offset});
  }
}

void mask_in_place(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  Place place(size, static_cast<std::size_t>(state.range(1)));
  for (auto _ : state) {
    websocket::apply_mask(place.bytes(), key);
    benchmark::ClobberMemory();
  }
  report_bytes(state, size);
}

void mask_copying(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  Place from(size, static_cast<std::size_t>(state.range(1)));
  Place to(size, 0);
  for (auto _ : state) {
    websocket::copy_masked(to.bytes().data(), from.bytes(), key);
    benchmark::ClobberMemory();
  }
  report_bytes(state, size);
}

void mask_memcpy(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  Place from(size, static_cast<std::size_t>(state.range(1)));
  Place to(size, 0);
  for (auto _ : state) {
    std::memcpy(to.bytes().data(), from.bytes().data(), size);
    benchmark::ClobberMemory();
  }
  report_bytes(state, size);
}

BENCHMARK(mask_in_place)->Apply(sizes_and_offsets);
BENCHMARK(mask_copying)->Apply(sizes_and_offsets);
BENCHMARK(mask_memcpy)->Apply(sizes_and_offsets);

}  // namespace
