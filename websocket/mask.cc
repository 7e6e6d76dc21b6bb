#include <tidewire/websocket/mask.h>
#include <tidewire/websocket/mask_internal.h>
#include <cassert>

#if defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace tidewire::websocket {
namespace {

// Each step below takes a multiple of four bytes, so that the key need not be rotated between them.
// `from` and `to` are the same or don't overlap.

#if defined(__SSE2__)
std::size_t mask_vectors(std::byte* to, const std::byte* from, std::size_t size, std::uint32_t key) noexcept {
  const __m128i keys = _mm_set1_epi32(static_cast<int>(key));
  std::size_t at = 0;
  for (; size - at >= 32; at += 32) {
    const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + at));
    const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + at + 16));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + at), _mm_xor_si128(low, keys));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + at + 16), _mm_xor_si128(high, keys));
  }
  return at;
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

void apply_mask(MutableBytes payload, std::uint32_t key) noexcept { copy_masked(payload.data(), payload, key); }

void copy_masked(std::byte* to, Bytes from, std::uint32_t key) noexcept {
  copy_masked(to, from, key, from.size() < smallest_wide_bytes ? CpuLevel::base : cpu_level());
}

void copy_masked(std::byte* to, Bytes from, std::uint32_t key, CpuLevel level) noexcept {
#if defined(__x86_64__)
  if (level >= CpuLevel::avx2 && from.size() >= detail::smallest_avx2_bytes) {
    assert(cpu_level() >= level);
    return detail::mask_avx2(to, from.data(), from.size(), key);
  }
#endif
  const std::size_t done = level == CpuLevel::portable ? 0 : mask_vectors(to, from.data(), from.size(), key);
  detail::mask_portably(to + done, from.data() + done, from.size() - done, key);
}

}  // namespace tidewire::websocket
