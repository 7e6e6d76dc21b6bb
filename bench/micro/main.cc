// The parts of Tidewire that bytes and messages pass through, each by itself. See bench/README.md.

#include <benchmark/benchmark.h>

BENCHMARK_MAIN();
