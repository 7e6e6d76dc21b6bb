#include <pthread.h>

#include <tidewire/core/forks.h>

namespace tidewire {

std::atomic<unsigned> detail::fork_count{0};

unsigned forks() noexcept {
  // Without memory for the handler, which is the one way that this fails, a fork goes unnoticed.
  static const int registered =
      ::pthread_atfork(nullptr, nullptr, [] { detail::fork_count.fetch_add(1, std::memory_order_relaxed); });
  static_cast<void>(registered);
  return forks_so_far();
}

}  // namespace tidewire
