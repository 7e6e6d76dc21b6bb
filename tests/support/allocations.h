#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

/// Replaces operator new of the executable, to count allocations and to make them fail. To be included by one
/// source of an executable. For one thread; libuv's and OpenSSL's own memory does not pass here.
namespace tidewire::testing {

struct Allocations {
  static inline std::size_t made = 0;
  /// The one with this number, counted from 1 since then, fails; 0: none. `forever`: all after it, too.
  static inline std::size_t failing = 0;
  static inline bool forever = false;
  static inline bool failed = false;

  static void fail(std::size_t number, bool and_all_after) {
    made = 0;
    failed = false;
    forever = and_all_after;
    failing = number;
  }
  static void work() { failing = 0; }

  static void* take(std::size_t size, std::size_t alignment) {
    ++made;
    if (failing != 0 && (made == failing || (forever && made > failing))) {
      failed = true;
      return nullptr;
    }
    if (size == 0) size = 1;
    if (alignment <= alignof(std::max_align_t)) return std::malloc(size);
    return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  }
  static void* take_or_throw(std::size_t size, std::size_t alignment) {
    void* memory = take(size, alignment);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
  }
};

}  // namespace tidewire::testing

void* operator new(std::size_t size) { return tidewire::testing::Allocations::take_or_throw(size, 1); }
void* operator new[](std::size_t size) { return tidewire::testing::Allocations::take_or_throw(size, 1); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return tidewire::testing::Allocations::take_or_throw(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return tidewire::testing::Allocations::take_or_throw(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return tidewire::testing::Allocations::take(size, 1);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return tidewire::testing::Allocations::take(size, 1);
}
// What the operators above return comes from malloc, which the compiler sees only where it inlines them.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
