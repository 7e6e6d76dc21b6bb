#include <doctest/doctest.h>
#include <tidewire/websocket/pace.h>

using namespace tidewire;
using namespace tidewire::websocket;
using Verdict = Pace::Verdict;

namespace {

constexpr PaceBounds bounds{.timeout = 100, .window = 10, .window_bytes = 1'000};

}  // namespace

TEST_CASE("a pace that has not begun is always in time, and has nothing to wait for") {
  Pace pace;
  CHECK_FALSE(pace.begun());
  CHECK_FALSE(pace.due(bounds));
  CHECK(pace.check(1'000'000, 0, bounds) == Verdict::in_time);
}

TEST_CASE("each window needs its bytes, and is followed by the next") {
  Pace pace;
  pace.begin(50);
  pace.begin(55);
  CHECK(pace.due(bounds) == 60);
  CHECK(pace.check(59, 0, bounds) == Verdict::in_time);
  CHECK(pace.check(60, 1'000, bounds) == Verdict::in_time);
  CHECK(pace.due(bounds) == 70);
  CHECK(pace.check(69, 1'000, bounds) == Verdict::in_time);
  CHECK(pace.check(70, 1'999, bounds) == Verdict::too_slow);
}

TEST_CASE("a window that is looked at late needs no more bytes, and the next begins then") {
  Pace pace;
  pace.begin(0);
  CHECK(pace.check(35, 1'000, bounds) == Verdict::in_time);
  CHECK(pace.due(bounds) == 45);
}

TEST_CASE("the deadline holds, however fast the bytes come") {
  Pace pace;
  pace.begin(0);
  std::uint64_t received = 0;
  for (Tick now = 10; now < 100; now += 10) REQUIRE(pace.check(now, received += 1'000'000, bounds) == Verdict::in_time);
  CHECK(pace.due(bounds) == 100);
  CHECK(pace.check(100, received, bounds) == Verdict::too_late);
}

TEST_CASE("while the clock stands still nothing is due, and that time does not count") {
  Pace pace;
  pace.begin(0);
  pace.stop(8);
  pace.stop(9);
  CHECK_FALSE(pace.due(bounds));
  CHECK(pace.check(1'000, 0, bounds) == Verdict::in_time);
  pace.resume(1'000);
  pace.resume(2'000);
  CHECK(pace.due(bounds) == 1'002);
  CHECK(pace.check(1'001, 0, bounds) == Verdict::in_time);
  CHECK(pace.check(1'002, 0, bounds) == Verdict::too_slow);
  CHECK(pace.check(1'092, 1'000'000, bounds) == Verdict::too_late);
}

TEST_CASE("a bound of 0 does not apply") {
  Pace pace;
  pace.begin(0);
  CHECK_FALSE(pace.due({}));
  CHECK(pace.check(1'000'000, 0, {}) == Verdict::in_time);
  CHECK(pace.due({.timeout = 7}) == 7);
  CHECK(pace.due({.window = 7, .window_bytes = 1}) == 7);
}

TEST_CASE("ticks that wrap are differences all the same") {
  Pace pace;
  pace.begin(UINT32_MAX - 4);
  CHECK(pace.due(bounds) == 5);
  CHECK(pace.check(4, 0, bounds) == Verdict::in_time);
  CHECK(pace.check(5, 0, bounds) == Verdict::too_slow);
}
