#include <doctest/doctest.h>
#include <support/run.h>
#include <tidewire/core/timer.h>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <vector>

using namespace tidewire;
using namespace tidewire::testing;
using namespace std::chrono_literals;

TEST_CASE("a timer calls once, and is then over") {
  Loop loop;
  int calls = 0;
  const Timer timer = Timer::after(loop, 1ms, [&] { ++calls; });
  CHECK(timer.active());
  loop.run();
  CHECK(calls == 1);
  CHECK_FALSE(timer.active());
}

TEST_CASE("timers call in the order of their delays") {
  Loop loop;
  std::vector<int> order;
  const Timer later = Timer::after(loop, 20ms, [&] { order.push_back(2); });
  const Timer sooner = Timer::after(loop, 1ms, [&] { order.push_back(1); });
  loop.run();
  CHECK(order == std::vector{1, 2});
}

TEST_CASE("a negative delay means at once") {
  Loop loop;
  bool called = false;
  const Timer timer = Timer::after(loop, -5s, [&] { called = true; });
  loop.run();
  CHECK(called);
}

TEST_CASE("a repeating timer calls until it is cancelled, from its own callback too") {
  Loop loop;
  int calls = 0;
  Timer timer;
  timer = Timer::every(loop, 1ms, [&] {
    if (++calls == 3) timer.cancel();
  });
  loop.run();
  CHECK(calls == 3);
  CHECK_FALSE(timer.active());
}

TEST_CASE("a period of nothing is a millisecond, not a busy loop") {
  Loop loop;
  int calls = 0;
  Timer timer = Timer::every(loop, 0ms, [&] {
    if (++calls == 2) timer.cancel();
  });
  loop.run();
  CHECK(calls == 2);
}

TEST_CASE("a timer is destroyed in its own callback, whose captures live until it returns") {
  Loop loop;
  auto timer = std::make_unique<Timer>();
  const auto kept = std::make_shared<int>(1);
  bool alive = false;
  *timer = Timer::after(loop, 1ms, [&, mine = kept] {
    timer.reset();
    alive = mine.use_count() == 2;
  });
  loop.run();
  CHECK(alive);
  CHECK(kept.use_count() == 1);
}

TEST_CASE("a cancelled or destroyed timer does not call") {
  Loop loop;
  bool called = false;
  {
    const Timer destroyed = Timer::after(loop, 0ms, [&] { called = true; });
    Timer cancelled = Timer::after(loop, 0ms, [&] { called = true; });
    cancelled.cancel();
    cancelled.cancel();
  }
  loop.run();
  CHECK_FALSE(called);
}

TEST_CASE("a timer that is assigned to ends the one it was") {
  Loop loop;
  int first = 0;
  int second = 0;
  Timer timer = Timer::after(loop, 1ms, [&] { ++first; });
  timer = Timer::after(loop, 1ms, [&] { ++second; });
  Timer moved = std::move(timer);
  CHECK_FALSE(timer.active());
  loop.run();
  CHECK(first == 0);
  CHECK(second == 1);
}

TEST_CASE("what a timer's callback throws is logged, and the loop goes on") {
  Loop loop;
  std::vector<std::string> lines;
  loop.set_log_sink([&](LogLevel, std::string_view line) { lines.emplace_back(line); });
  int calls = 0;
  Timer timer;
  timer = Timer::every(loop, 1ms, [&] {
    if (++calls == 2) timer.cancel();
    throw std::runtime_error("on purpose");
  });
  loop.run();
  CHECK(calls == 2);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] == "exception in a timer: on purpose");
}

TEST_CASE("timers that are alive when they are destroyed before their loop leave nothing behind") {
  Loop loop;
  const Timer timer = Timer::after(loop, 1h, [] {});
  loop.run_once(false);
}
