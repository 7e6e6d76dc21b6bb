#include <pthread.h>

#include <tidewire/core/forks.h>
#include <atomic>

namespace tidewire {

unsigned forks() noexcept {
  static std::atomic<unsigned> count{0};
  // Without memory for the handler, which is the one way that this fails, a fork goes unnoticed.
  static const int registered =
      ::pthread_atfork(nullptr, nullptr, [] { count.fetch_add(1, std::memory_order_relaxed); });
  static_cast<void>(registered);
  return count.load(std::memory_order_relaxed);
}

}  // namespace tidewire
