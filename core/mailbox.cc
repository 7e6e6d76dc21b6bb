#include <tidewire/core/error.h>
#include <tidewire/core/mailbox.h>
#include <new>
#include <utility>

namespace tidewire {
namespace {

/// The loops that this thread may be inside of: those that it runs, and the adopted ones that were made on it.
unsigned& loops_on_thread() noexcept {
  thread_local unsigned count = 0;
  return count;
}

}  // namespace

void Mailbox::open(uv_async_t* wake) {
  const std::lock_guard lock(mutex_);
  wake_.store(wake, std::memory_order_release);
}

void Mailbox::close() {
  std::vector<Task> dropped;
  std::vector<Waiter> waiters;
  {
    const std::lock_guard lock(mutex_);
    wake_.store(nullptr);
    dropped.swap(tasks_);
    count_.store(0, std::memory_order_release);
    waiters.swap(waiters_);
    bytes_ = 0;
    room_.notify_all();
  }
  // A `stop` that still sees the handle has only to write to its descriptor.
  while (stoppers_.load() != 0) std::this_thread::yield();
  // What a task owns may post in its destructor, which needs the lock: `dropped` ends after its release.
  tell(std::move(waiters));
}

PostStatus Mailbox::post(Task task, std::size_t bytes) {
  if (inherited()) return PostStatus::ended;
  const std::lock_guard lock(mutex_);
  if (!open()) return PostStatus::ended;
  if (!has_room(bytes) && !in_thread()) return PostStatus::full;
  add(std::move(task), bytes);
  return PostStatus::taken;
}

PostStatus Mailbox::post_past_limits(Task task) {
  if (inherited()) return PostStatus::ended;
  const std::lock_guard lock(mutex_);
  if (!open()) return PostStatus::ended;
  add(std::move(task), 0);
  return PostStatus::taken;
}

PostStatus Mailbox::post_waiting(Task task, std::size_t bytes) {
  if (loops_on_thread() != 0) {
    throw Failure({Errc::misuse, "post_waiting on the thread of a loop: two that wait for each other would never end"});
  }
  if (inherited()) return PostStatus::ended;
  std::unique_lock lock(mutex_);
  room_.wait(lock, [&] { return !open() || has_room(bytes); });
  if (!open()) return PostStatus::ended;
  add(std::move(task), bytes);
  return PostStatus::taken;
}

void Mailbox::when_room(std::shared_ptr<Mailbox> here, Task then) {
  if (!inherited()) {
    const std::lock_guard lock(mutex_);
    // Whether there is room for what the poster has is not known here; what waits is taken as a whole.
    if (open() && !tasks_.empty()) {
      waiters_.push_back({std::move(here), std::move(then)});
      return;
    }
  }
  here->post_past_limits(std::move(then));
}

void Mailbox::set_limits(const PostLimits& limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
}

bool Mailbox::has_room(std::size_t bytes) const noexcept {
  if (tasks_.size() >= limits_.max_tasks || bytes_ > limits_.max_bytes) return false;
  return bytes_ == 0 || bytes <= limits_.max_bytes - bytes_;
}

void Mailbox::add(Task task, std::size_t bytes) {
  tasks_.push_back(std::move(task));
  bytes_ += bytes;
  count_.store(tasks_.size(), std::memory_order_release);
  if (tasks_.size() == 1) uv_async_send(wake_.load(std::memory_order_relaxed));
}

void Mailbox::tell(std::vector<Waiter> waiters) noexcept {
  for (Waiter& waiter : waiters) {
    try {
      waiter.here->post_past_limits(std::move(waiter.then));
    } catch (const std::bad_alloc&) {
      // It ends with `waiters`, and what it owns knows of that.
      continue;
    }
  }
}

void Mailbox::stop() noexcept {
  if (inherited()) return;
  stop_.store(true, std::memory_order_release);
  // `close` waits until nothing uses the handle: the order of all four is the same for both.
  ++stoppers_;
  if (uv_async_t* wake = wake_.load()) uv_async_send(wake);
  --stoppers_;
}

std::vector<Task> Mailbox::take() {
  std::vector<Task> taken;
  std::vector<Waiter> waiters;
  {
    const std::lock_guard lock(mutex_);
    taken.swap(tasks_);
    count_.store(0, std::memory_order_release);
    waiters.swap(waiters_);
    bytes_ = 0;
    room_.notify_all();
  }
  tell(std::move(waiters));
  return taken;
}

bool Mailbox::begin_run() noexcept {
  if (running_.exchange(true, std::memory_order_acquire)) return false;
  thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  ++loops_on_thread();
  return true;
}

void Mailbox::end_run() noexcept {
  --loops_on_thread();
  running_.store(false, std::memory_order_release);
}

void Mailbox::adopt_on_thread(int count) noexcept { loops_on_thread() += static_cast<unsigned>(count); }

}  // namespace tidewire
