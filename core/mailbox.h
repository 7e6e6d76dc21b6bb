#pragma once

#include <uv.h>

#include <tidewire/core/callback.h>
#include <tidewire/core/forks.h>
#include <tidewire/core/post.h>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace tidewire {

/// What threads hand to a loop: tasks, and the wish that it stop. It also knows which thread the loop is on. Outlives
/// the loop for as long as someone may still post.
class Mailbox {
 public:
  /// Opens it: from now on `wake` is signalled when the first task arrives.
  void open(uv_async_t* wake);
  /// Closes it and drops what waits. Afterwards nothing touches the async handle.
  void close();

  /// See LoopRemote, which has the same functions.
  PostStatus post(Task task, std::size_t bytes = 0);
  PostStatus post_past_limits(Task task);
  PostStatus post_waiting(Task task, std::size_t bytes);
  void when_room(std::shared_ptr<Mailbox> here, Task then);
  void set_limits(const PostLimits& limits);

  /// Async-signal-safe, so without the mutex, which the interrupted thread may hold.
  void stop() noexcept;
  /// Whether a stop was asked for since the last call.
  bool take_stop() noexcept { return stop_.exchange(false, std::memory_order_acq_rel); }
  /// Takes all tasks out: there is room again, and those that wait for it are called.
  [[nodiscard]] std::vector<Task> take();
  /// A load, with no lock: what is being posted may not be seen yet, and then wakes the loop.
  [[nodiscard]] bool empty() const noexcept { return count_.load(std::memory_order_acquire) == 0; }

  /// The calling thread runs the loop from now on. False, and nothing changes, if one does already.
  [[nodiscard]] bool begin_run() noexcept;
  /// Another thread may use the loop now.
  void end_run() noexcept;
  /// For a loop that the caller runs: one more, or one less, that this thread may be inside of.
  static void adopt_on_thread(int count) noexcept;

  /// Whether the caller is on the thread that runs the loop, or ran it last.
  [[nodiscard]] bool in_thread() const noexcept {
    return !inherited() && thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }
  [[nodiscard]] bool running() const noexcept { return running_.load(std::memory_order_relaxed); }
  /// Whether this is a copy, in a child process, of what belongs to the parent.
  [[nodiscard]] bool inherited() const noexcept { return forks_ != forks_so_far(); }

 private:
  struct Waiter {
    std::shared_ptr<Mailbox> here;
    Task then;
  };

  [[nodiscard]] bool open() const noexcept { return wake_.load(std::memory_order_relaxed) != nullptr; }
  [[nodiscard]] bool has_room(std::size_t bytes) const noexcept;
  void add(Task task, std::size_t bytes);
  static void tell(std::vector<Waiter> waiters) noexcept;

  const unsigned forks_ = forks();
  mutable std::mutex mutex_;
  std::vector<Task> tasks_;  // Guarded by mutex_, as is all up to `room_`.
  std::size_t bytes_ = 0;    // Of the tasks that wait.
  PostLimits limits_;
  std::vector<Waiter> waiters_;             // To be called when there is room.
  std::condition_variable room_;            // Of threads that block until there is.
  std::atomic<uv_async_t*> wake_{nullptr};  // Null once closed. Changed under mutex_.
  std::atomic<std::size_t> count_{0};       // Of the tasks that wait. Changed under mutex_.
  std::atomic<unsigned> stoppers_{0};       // Calls of `stop` that may be using it.
  std::atomic<bool> stop_{false};
  std::atomic<bool> running_{false};
  std::atomic<std::thread::id> thread_{std::this_thread::get_id()};
};

}  // namespace tidewire
