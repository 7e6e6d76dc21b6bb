#pragma once

#include <benchmark/benchmark.h>
#include <cstddef>
#include <cstdint>

namespace tidewire::bench {

/// Each iteration went over so many bytes: the report gets a column of bytes per second.
inline void report_bytes(benchmark::State& state, std::size_t bytes_each) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes_each));
}

/// Each iteration did so many things.
inline void report_items(benchmark::State& state, std::size_t items_each) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(items_each));
}

}  // namespace tidewire::bench
