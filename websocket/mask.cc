#include <tidewire/websocket/mask.h>
#include <tidewire/websocket/mask_internal.h>
#include <cassert>

#if defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace tidewire::websocket {
namespace {

// Takes as much of the front as suits it, a multiple of four bytes or all, and says how much. `from` and `to` are the
// same or don't overlap.
#if defined(__SSE2__)
inline __m128i load(const std::byte* from) noexcept { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); }

inline void store(std::byte* to, __m128i bytes) noexcept { _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes); }

inline std::size_t mask_vectors(std::byte* to, const std::byte* from, std::size_t size, std::uint32_t key) noexcept {
  constexpr std::size_t width = 16;
  if (size < width) return 0;
  // The last vector may overlap the one before it, so it is loaded before anything is stored.
  const __m128i tail =
      _mm_xor_si128(load(from + size - width), _mm_set1_epi32(static_cast<int>(rotate_key(key, size))));
  const __m128i keys = _mm_set1_epi32(static_cast<int>(key));
  std::size_t at = 0;
  for (; size - at > 2 * width; at += 2 * width) {
    const __m128i low = load(from + at);
    const __m128i high = load(from + at + width);
    store(to + at, _mm_xor_si128(low, keys));
    store(to + at + width, _mm_xor_si128(high, keys));
  }
  if (size - at > width) store(to + at, _mm_xor_si128(load(from + at), keys));
  store(to + size - width, tail);
  return size;
}
#elif defined(__ARM_NEON)
std::size_t mask_vectors(std::byte* to, const std::byte* from, std::size_t size, std::uint32_t key) noexcept {
  const uint8x16_t keys = vreinterpretq_u8_u32(vdupq_n_u32(key));
  std::size_t at = 0;
  for (; size - at >= 16; at += 16) {
    const uint8x16_t bytes = vld1q_u8(reinterpret_cast<const std::uint8_t*>(from + at));
    vst1q_u8(reinterpret_cast<std::uint8_t*>(to + at), veorq_u8(bytes, keys));
  }
  return at;
}
#else
std::size_t mask_vectors(std::byte*, const std::byte*, std::size_t, std::uint32_t) noexcept { return 0; }
#endif

// From this size on the wide form is ahead.
constexpr std::size_t smallest_wide_bytes = 1024;

}  // namespace

namespace detail {

void mask_portably(std::byte* to, const std::byte* from, std::size_t size, std::uint32_t key) noexcept {
  const std::uint64_t key64 = (std::uint64_t{key} << 32) | key;
  std::size_t at = 0;
  for (; size - at >= 8; at += 8) {
    const std::uint64_t word = load_native<std::uint64_t>(from + at) ^ key64;
    std::memcpy(to + at, &word, 8);
  }
  if (size - at >= 4) {
    const std::uint32_t word = load_native<std::uint32_t>(from + at) ^ key;
    std::memcpy(to + at, &word, 4);
    at += 4;
  }
  std::byte key_bytes[4];
  std::memcpy(key_bytes, &key, 4);
  for (std::size_t i = 0; at < size; ++i, ++at) to[at] = from[at] ^ key_bytes[i];
}

}  // namespace detail

namespace {

inline void mask_by_base(std::byte* to, Bytes from, std::uint32_t key) noexcept {
  const std::size_t done = mask_vectors(to, from.data(), from.size(), key);
  if (done != from.size()) detail::mask_portably(to + done, from.data() + done, from.size() - done, key);
}

}  // namespace

void apply_mask(MutableBytes payload, std::uint32_t key) noexcept { copy_masked(payload.data(), payload, key); }

void copy_masked(std::byte* to, Bytes from, std::uint32_t key) noexcept {
  if (from.size() >= smallest_wide_bytes) return copy_masked(to, from, key, cpu_level());
  mask_by_base(to, from, key);
}

void copy_masked(std::byte* to, Bytes from, std::uint32_t key, CpuLevel level) noexcept {
#if defined(__x86_64__)
  if (level >= CpuLevel::avx2 && from.size() >= detail::smallest_avx2_bytes) {
    assert(cpu_level() >= level);
    return detail::mask_avx2(to, from.data(), from.size(), key);
  }
#endif
  if (level == CpuLevel::portable) return detail::mask_portably(to, from.data(), from.size(), key);
  mask_by_base(to, from, key);
}

}  // namespace tidewire::websocket
