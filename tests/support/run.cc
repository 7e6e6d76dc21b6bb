#include <doctest/doctest.h>
#include <support/run.h>

namespace tidewire::testing {

void run_until(Loop& loop, const Condition& done) {
  // A steady beat, so that `done` is also asked after what happens without an event.
  int beats_left = 6000;
  const Timer beat = Timer::every(loop, std::chrono::milliseconds(10), [&beats_left] { --beats_left; });
  while (beats_left > 0 && !done()) loop.run_once();
  REQUIRE(beats_left > 0);
}

void settle(Loop& loop, int turns) {
  for (int turn = 0; turn < turns; ++turn) loop.run_once(false);
}

}  // namespace tidewire::testing
