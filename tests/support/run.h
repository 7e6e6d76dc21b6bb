#pragma once

#include <tidewire/core/loop.h>
#include <tidewire/core/timer.h>
#include <chrono>
#include <memory>
#include <type_traits>

namespace tidewire::testing {

/// A callable that answers yes or no, by reference: valid for the call that it is passed to. Functions that take it are
/// compiled once, and not for each test's lambda.
class Condition {
 public:
  template <class F>
  Condition(F&& f)
      : object_(std::addressof(f)), holds_([](const void* object) -> bool {
          return (*const_cast<std::remove_reference_t<F>*>(static_cast<const std::remove_reference_t<F>*>(object)))();
        }) {}

  bool operator()() const { return holds_(object_); }

 private:
  const void* object_;
  bool (*holds_)(const void* object);
};

/// Runs `loop` until `done()`. Fails the test if that takes so long that it will not come any more.
void run_until(Loop& loop, const Condition& done);

/// Runs `loop` for so many turns that whatever was on its way has come.
void settle(Loop& loop, int turns = 20);

}  // namespace tidewire::testing
