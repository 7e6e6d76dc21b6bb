#pragma once

#include <tidewire/core/callback.h>
#include <tidewire/core/export.h>
#include <tidewire/core/loop.h>
#include <chrono>

namespace tidewire {

/// A precise timer (milliseconds), for applications; connections use the loop's coarse deadlines.
///
/// It runs while the object exists: destroying or cancelling it, also from its own callback, ends it at
/// once, and the callback does not run again. Belongs to the loop, and must be gone before it.
class TIDEWIRE_API Timer {
 public:
  /// No timer yet.
  Timer() noexcept = default;
  Timer(Timer&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  Timer& operator=(Timer&& other) noexcept;
  ~Timer() { cancel(); }

  /// Calls `task` once, `delay` from now.
  [[nodiscard]] static Timer after(Loop& loop, std::chrono::milliseconds delay, Task task);
  /// Calls `task` every `period`, first after one period. Turns that came too late are not caught up with.
  [[nodiscard]] static Timer every(Loop& loop, std::chrono::milliseconds period, Task task);

  void cancel() noexcept;
  /// Whether the callback will run (again).
  [[nodiscard]] bool active() const noexcept;

 private:
  struct State;
  explicit Timer(State* state) noexcept : state_(state) {}
  static Timer start(Loop& loop, std::chrono::milliseconds delay, std::chrono::milliseconds period, Task task);

  State* state_ = nullptr;  // Freed by libuv's close callback.
};

}  // namespace tidewire
