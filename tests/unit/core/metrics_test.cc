#include <doctest/doctest.h>
#include <tidewire/core/metrics.h>
#include <thread>

using namespace tidewire;

TEST_CASE("a counter counts up, by one unless told otherwise") {
  Counter counter;
  CHECK(counter.value() == 0);
  counter.add();
  counter.add(41);
  CHECK(counter.value() == 42);
}

TEST_CASE("a gauge goes up and down, below zero too") {
  Gauge gauge;
  gauge.add(2);
  gauge.subtract();
  CHECK(gauge.value() == 1);
  gauge.subtract(3);
  CHECK(gauge.value() == -2);
}

TEST_SUITE("threaded") {
  TEST_CASE("another thread reads a counter that only grows") {
    Counter counter;
    std::thread writer([&counter] {
      for (int round = 0; round < 10'000; ++round) counter.add();
    });
    std::uint64_t before = 0;
    bool grows = true;
    while (before < 10'000) {
      const std::uint64_t now = counter.value();
      grows = grows && now >= before;
      before = now;
    }
    writer.join();
    CHECK(grows);
  }
}
