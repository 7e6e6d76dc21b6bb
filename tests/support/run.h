#pragma once

#include <doctest/doctest.h>
#include <tidewire/core/loop.h>
#include <tidewire/core/timer.h>
#include <chrono>

namespace tidewire::testing {

/// Runs `loop` until `done()`. Fails the test if that takes so long that it will not come any more.
template <class Done>
void run_until(Loop& loop, Done done) {
  // A steady beat, so that `done` is also asked after what happens without an event.
  int beats_left = 6000;
  const Timer beat = Timer::every(loop, std::chrono::milliseconds(10), [&beats_left] { --beats_left; });
  while (beats_left > 0 && !done()) loop.run_once();
  REQUIRE(beats_left > 0);
}

/// Runs `loop` for so many turns that whatever was on its way has come.
inline void settle(Loop& loop, int turns = 20) {
  for (int turn = 0; turn < turns; ++turn) loop.run_once(false);
}

}  // namespace tidewire::testing
