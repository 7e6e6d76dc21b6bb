#include <tidewire/websocket/mask.h>
#include <tidewire/websocket/mask_internal.h>

#if defined(__x86_64__)
#include <immintrin.h>

namespace tidewire::websocket::detail {
namespace {

constexpr std::size_t width = smallest_avx2_bytes;

[[gnu::target("avx2"), gnu::always_inline]] inline __m256i load(const std::byte* from) noexcept {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

[[gnu::target("avx2"), gnu::always_inline]] inline void store(std::byte* to, __m256i bytes) noexcept {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), bytes);
}

[[gnu::target("avx2"), gnu::always_inline]] inline __m256i every(std::uint32_t key) noexcept {
  return _mm256_set1_epi32(static_cast<int>(key));
}

}  // namespace

// Between the first vector and the last, stores are aligned: those across two cache lines cost twice. Both ends are
// loaded before anything is stored and stored after all else, so what lies in two vectors gets the same value twice.
[[gnu::target("avx2")]] void mask_avx2(std::byte* to, const std::byte* from, std::size_t size,
                                       std::uint32_t key) noexcept {
  const __m256i head = _mm256_xor_si256(load(from), every(key));
  const __m256i tail = _mm256_xor_si256(load(from + size - width), every(rotate_key(key, size)));

  std::size_t at = width - reinterpret_cast<std::uintptr_t>(to) % width;
  const __m256i keys = every(rotate_key(key, at));
  for (; size - at >= 4 * width; at += 4 * width) {
    const __m256i bytes[4] = {load(from + at), load(from + at + width), load(from + at + 2 * width),
                              load(from + at + 3 * width)};
    for (std::size_t i = 0; i < 4; ++i) store(to + at + i * width, _mm256_xor_si256(bytes[i], keys));
  }
  for (; size - at > width; at += width) store(to + at, _mm256_xor_si256(load(from + at), keys));

  store(to, head);
  store(to + size - width, tail);
}

}  // namespace tidewire::websocket::detail

#endif
