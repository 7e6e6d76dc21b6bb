#include <uv.h>

#include <tidewire/core/timer.h>
#include <algorithm>
#include <cassert>

namespace tidewire {

struct Timer::State {
  Loop* loop;
  Task task;
  uv_timer_t handle{};
};

Timer& Timer::operator=(Timer&& other) noexcept {
  if (this != &other) {
    cancel();
    state_ = std::exchange(other.state_, nullptr);
  }
  return *this;
}

Timer Timer::after(Loop& loop, std::chrono::milliseconds delay, Task task) {
  return start(loop, delay, std::chrono::milliseconds(0), std::move(task));
}

Timer Timer::every(Loop& loop, std::chrono::milliseconds period, Task task) {
  return start(loop, period, std::max(period, std::chrono::milliseconds(1)), std::move(task));
}

Timer Timer::start(Loop& loop, std::chrono::milliseconds delay, std::chrono::milliseconds period, Task task) {
  assert(loop.in_thread());
  auto* state = new State{.loop = &loop, .task = std::move(task)};
  state->handle.data = state;
  uv_timer_init(loop.native(), &state->handle);
  // The loop's idea of the time is that of its turn's beginning, or older if it has not run yet.
  uv_update_time(loop.native());
  uv_timer_start(
      &state->handle,
      [](uv_timer_t* handle) {
        auto& fired = *static_cast<State*>(handle->data);
        fired.loop->guard("timer", fired.task);
      },
      static_cast<std::uint64_t>(std::max<std::int64_t>(delay.count(), 0)), static_cast<std::uint64_t>(period.count()));
  return Timer(state);
}

void Timer::cancel() noexcept {
  if (state_ == nullptr) return;
  assert(state_->loop->in_thread());
  uv_close(reinterpret_cast<uv_handle_t*>(&state_->handle),
           [](uv_handle_t* handle) { delete static_cast<State*>(handle->data); });
  state_ = nullptr;
}

bool Timer::active() const noexcept {
  return state_ != nullptr && uv_is_active(reinterpret_cast<const uv_handle_t*>(&state_->handle)) != 0;
}

}  // namespace tidewire
