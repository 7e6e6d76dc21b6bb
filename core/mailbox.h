#pragma once

#include <uv.h>

#include <tidewire/core/callback.h>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

namespace tidewire {

/// The tasks that threads hand to a loop. Outlives the loop for as long as someone may still post.
class Mailbox {
 public:
  /// Opens it: from now on `wake` is signalled when the first task arrives.
  void open(uv_async_t* wake);
  /// Closes it and drops what waits. Afterwards nothing touches the async handle.
  void close();

  bool post(Task task);
  void stop() noexcept;
  /// Whether a stop was asked for since the last call.
  bool take_stop() noexcept { return stop_.exchange(false, std::memory_order_acq_rel); }
  [[nodiscard]] std::vector<Task> take();
  [[nodiscard]] bool empty() const;

  void set_thread() noexcept { thread_.store(std::this_thread::get_id(), std::memory_order_relaxed); }
  [[nodiscard]] bool in_thread() const noexcept {
    return thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Task> tasks_;     // Guarded by mutex_.
  uv_async_t* wake_ = nullptr;  // Guarded by mutex_; null once closed.
  std::atomic<bool> stop_{false};
  std::atomic<std::thread::id> thread_{std::this_thread::get_id()};
};

}  // namespace tidewire
