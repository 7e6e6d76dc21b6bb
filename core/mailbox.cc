#include <tidewire/core/mailbox.h>
#include <utility>

namespace tidewire {

void Mailbox::open(uv_async_t* wake) {
  const std::lock_guard lock(mutex_);
  wake_ = wake;
}

void Mailbox::close() {
  std::vector<Task> dropped;
  const std::lock_guard lock(mutex_);
  wake_ = nullptr;
  // What a task owns may post in its destructor, which needs the lock: `dropped` ends after it is released.
  dropped.swap(tasks_);
}

bool Mailbox::post(Task task) {
  const std::lock_guard lock(mutex_);
  if (wake_ == nullptr) return false;
  tasks_.push_back(std::move(task));
  if (tasks_.size() == 1) uv_async_send(wake_);
  return true;
}

void Mailbox::stop() noexcept {
  stop_.store(true, std::memory_order_release);
  const std::lock_guard lock(mutex_);
  if (wake_ != nullptr) uv_async_send(wake_);
}

bool Mailbox::empty() const {
  const std::lock_guard lock(mutex_);
  return tasks_.empty();
}

std::vector<Task> Mailbox::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(tasks_, {});
}

}  // namespace tidewire
