#pragma once

#include <tidewire/core/bytes.h>
#include <tidewire/core/cpu.h>
#include <tidewire/core/export.h>
#include <bit>
#include <cstdint>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/// Masking (RFC 6455 section 5.3): each byte of a client's payload is XORed with one of four key bytes in
/// turn. Masking and unmasking are the same.
///
/// A key is held as the `uint32_t` whose bytes in memory are the key as it is sent (`load_native`), and need
/// not be swapped on any machine. When a payload comes in pieces, `rotate_key` says which key the next
/// piece begins with.
namespace tidewire::websocket {

/// The key for a piece that begins `offset` bytes into the payload.
[[nodiscard]] constexpr std::uint32_t rotate_key(std::uint32_t key, std::size_t offset) noexcept {
  const int bits = static_cast<int>(offset % 4) * 8;
  return std::endian::native == std::endian::little ? std::rotr(key, bits) : std::rotl(key, bits);
}

/// Masks or unmasks in place.
TIDEWIRE_API void apply_mask(MutableBytes payload, std::uint32_t key) noexcept;

/// Masks or unmasks `from` on its way to `to`, which has room for as many bytes and doesn't overlap it.
TIDEWIRE_API void copy_masked(std::byte* to, Bytes from, std::uint32_t key) noexcept;

/// The same with the instructions of `level`, which this machine must have; `to` may be `from`. For tests and
/// measurements.
TIDEWIRE_API void copy_masked(std::byte* to, Bytes from, std::uint32_t key, CpuLevel level) noexcept;

namespace detail {

/// What `copy_masked` does without vector instructions; `to` may be `from`.
void mask_portably(std::byte* to, const std::byte* from, std::size_t size, std::uint32_t key) noexcept;

}  // namespace detail

inline constexpr std::size_t max_short_mask_bytes = 32;

/// Masks or unmasks at most `max_short_mask_bytes` in place, with no call and no loop, and says whether a byte of the
/// result is 0x80 or more: if none is, the result is ASCII. Writes nothing outside of the payload.
inline bool apply_mask_short(std::byte* payload, std::size_t size, std::uint32_t key) noexcept {
  // Two accesses that overlap in the middle cover any size between one and two of their widths. Both are
  // loaded before either is stored, so what lies in both gets the same value twice.
  const std::uint64_t key64 = (std::uint64_t{key} << 32) | key;
  constexpr std::uint64_t high_bits = 0x8080808080808080;
  if (size >= 16) {
#if defined(__SSE2__)
    const std::uint32_t tail_key = rotate_key(key, size);
    const __m128i head = _mm_xor_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(payload)),
                                       _mm_set1_epi32(static_cast<int>(key)));
    const __m128i tail = _mm_xor_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(payload + size - 16)),
                                       _mm_set1_epi32(static_cast<int>(tail_key)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(payload), head);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(payload + size - 16), tail);
    return _mm_movemask_epi8(_mm_or_si128(head, tail)) != 0;
#else
    const std::uint64_t tail_key = (std::uint64_t{rotate_key(key, size)} << 32) | rotate_key(key, size);
    const std::uint64_t words[4] = {load_native<std::uint64_t>(payload) ^ key64,
                                    load_native<std::uint64_t>(payload + 8) ^ key64,
                                    load_native<std::uint64_t>(payload + size - 16) ^ tail_key,
                                    load_native<std::uint64_t>(payload + size - 8) ^ tail_key};
    std::memcpy(payload, words, 16);
    std::memcpy(payload + size - 16, words + 2, 16);
    return ((words[0] | words[1] | words[2] | words[3]) & high_bits) != 0;
#endif
  }
  if (size >= 8) {
    const std::uint32_t rotated = rotate_key(key, size);
    const std::uint64_t head = load_native<std::uint64_t>(payload) ^ key64;
    const std::uint64_t tail =
        load_native<std::uint64_t>(payload + size - 8) ^ ((std::uint64_t{rotated} << 32) | rotated);
    std::memcpy(payload, &head, 8);
    std::memcpy(payload + size - 8, &tail, 8);
    return ((head | tail) & high_bits) != 0;
  }
  if (size >= 4) {
    const std::uint32_t head = load_native<std::uint32_t>(payload) ^ key;
    const std::uint32_t tail = load_native<std::uint32_t>(payload + size - 4) ^ rotate_key(key, size);
    std::memcpy(payload, &head, 4);
    std::memcpy(payload + size - 4, &tail, 4);
    return ((head | tail) & 0x80808080U) != 0;
  }
  std::byte key_bytes[4];
  std::memcpy(key_bytes, &key, 4);
  std::byte seen{};
  if (size >= 1) seen |= payload[0] ^= key_bytes[0];
  if (size >= 2) seen |= payload[1] ^= key_bytes[1];
  if (size >= 3) seen |= payload[2] ^= key_bytes[2];
  return (seen & std::byte{0x80}) != std::byte{0};
}

}  // namespace tidewire::websocket
