#include <doctest/doctest.h>

#include <chat/rate_limit.h>

using namespace chat;
using namespace std::chrono_literals;

namespace {

const RateLimit::Time start{};

int taken(RateLimit& limit, RateLimit::Time now, int tries) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += limit.take(now) ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("a newcomer may send half of a burst") {
  RateLimit limit(10, 2, start);
  CHECK(taken(limit, start, 100) == 5);
}

TEST_CASE("who was quiet may send a whole burst, and no more however long") {
  RateLimit limit(10, 2, start);
  CHECK(taken(limit, start + 1h, 100) == 10);
}

TEST_CASE("in the long run it is so many a second") {
  RateLimit limit(10, 2, start);
  CHECK(taken(limit, start, 100) == 5);
  int count = 0;
  for (int tick = 1; tick <= 100; ++tick) count += taken(limit, start + tick * 100ms, 5);
  CHECK(count == 20);
}

TEST_CASE("what is refused costs nothing") {
  RateLimit limit(2, 1, start);
  CHECK(taken(limit, start, 1000) == 1);
  CHECK(taken(limit, start + 1s, 1000) == 1);
}

TEST_CASE("after the wait that it names, the next is allowed, and not before") {
  RateLimit limit(4, 2, start);
  CHECK(taken(limit, start, 3) == 2);
  CHECK(limit.wait() == 500ms);
  CHECK_FALSE(limit.take(start + limit.wait() - 1ms));
  CHECK(limit.take(start + 500ms));
}
