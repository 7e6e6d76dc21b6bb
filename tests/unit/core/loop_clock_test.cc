#include <doctest/doctest.h>
#include <tidewire/core/loop_clock.h>

using tidewire::LoopClock;

TEST_CASE("ticks count from the clock's beginning, and a tick's beginning is found again") {
  const LoopClock clock(1'000'007);
  CHECK(clock.tick(1'000'007) == 0);
  CHECK(clock.tick(1'000'056) == 0);
  CHECK(clock.tick(1'000'057) == 1);
  CHECK(clock.beginning_of(3, 1'000'060) == 1'000'157);
  CHECK(clock.beginning_of(0, 1'000'060) == 1'000'007);
}

TEST_CASE("waiting is not being away, however long it lasts within its timeout") {
  LoopClock clock(0);
  clock.begin_wait(10, 60'000);
  CHECK(clock.end_wait(60'000) == 0);
  clock.begin_wait(60'005, -1);
  CHECK(clock.end_wait(1'000'000) == 0);
  CHECK(clock.tick(1'000'000) == 20'000);
}

TEST_CASE("a wait that ends long after its timeout moves the deadlines") {
  LoopClock clock(0);
  clock.begin_wait(0, 500);
  CHECK(clock.end_wait(5'500) == 5'000);
  CHECK(clock.tick(5'500) == 10);
  // A tick that was 10 s ahead still is, less what was waited for.
  CHECK(clock.beginning_of(200, 5'500) == 15'000);
}

TEST_CASE("a turn that blocks moves the deadlines, one that is a little late does not") {
  LoopClock clock(0);
  clock.begin_wait(0, 0);
  CHECK(clock.end_wait(0) == 0);
  clock.begin_wait(999, 0);
  CHECK(clock.end_wait(999) == 0);
  clock.begin_wait(2'499, 100);
  CHECK(clock.end_wait(2'599) == 1'500);
  CHECK(clock.tick(2'599) == (2'599 - 1'500) / 50);
  // Each absence counts once.
  clock.begin_wait(2'600, 0);
  CHECK(clock.end_wait(2'600) == 0);
}
