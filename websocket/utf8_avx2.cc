#include <tidewire/websocket/mask.h>
#include <tidewire/websocket/utf8_internal.h>

#if defined(__x86_64__)
#include <immintrin.h>
#include <array>

// After J. Keiser and D. Lemire, "Validating UTF-8 in less than one instruction per byte" (Software: Practice and
// Experience 51, 2021). A fault that two bytes in a row show is known by three of their half bytes. A table for each
// of the three says, as a set of bits, which faults are possible with it; a fault that is in all three sets is there.

namespace tidewire::websocket::detail {
namespace {

// Half bytes, as sets of sixteen bits.
constexpr unsigned halves(unsigned first, unsigned last) noexcept { return (2U << last) - (1U << first); }

struct Fault {
  unsigned first_high;   // The first byte's higher half
  unsigned first_low;    // and its lower;
  unsigned second_high;  // the second byte's higher half.
};

constexpr Fault faults[8] = {
    {halves(0xC, 0xF), halves(0x0, 0xF), halves(0x0, 0x7) | halves(0xC, 0xF)},  // No continuation where one must be.
    {halves(0x0, 0x7), halves(0x0, 0xF), halves(0x8, 0xB)},                     // A continuation of nothing.
    {halves(0xC, 0xC), halves(0x0, 0x1), halves(0x8, 0xB)},                     // C0, C1: overlong.
    {halves(0xE, 0xE), halves(0x0, 0x0), halves(0x8, 0x9)},                     // E0, below A0: overlong.
    {halves(0xE, 0xE), halves(0xD, 0xD), halves(0xA, 0xB)},                     // ED, from A0: a surrogate.
    {halves(0xF, 0xF), halves(0x0, 0x0) | halves(0x5, 0xF), halves(0x8, 0x8)},  // F0, below 90: overlong; F5: no.
    {halves(0xF, 0xF), halves(0x4, 0xF), halves(0x9, 0xB)},                     // F4, from 90: beyond U+10FFFF.
    // Not by itself a fault: two continuations, which are right where a third or fourth byte must be.
    {halves(0x8, 0xB), halves(0x0, 0xF), halves(0x8, 0xB)},
};
constexpr std::uint8_t high_bit = 0x80;  // That of the last.

// Twice the sixteen entries, since a shuffle works on each half of a vector by itself.
using Table = std::array<std::uint8_t, 32>;

constexpr Table table_of(unsigned Fault::*which) {
  Table table{};
  for (unsigned half = 0; half < 32; ++half) {
    for (unsigned fault = 0; fault < 8; ++fault) {
      const unsigned bit = (faults[fault].*which >> (half % 16)) & 1;
      table[half] = static_cast<std::uint8_t>(table[half] | (bit << fault));
    }
  }
  return table;
}
constexpr Table by_first_high = table_of(&Fault::first_high);
constexpr Table by_first_low = table_of(&Fault::first_low);
constexpr Table by_second_high = table_of(&Fault::second_high);

// A byte at the end of a vector that is larger than this begins a character that goes on behind it.
constexpr Table largest_at_end = [] {
  Table table{};
  table.fill(0xFF);
  table[29] = 0xEF;
  table[30] = 0xDF;
  table[31] = 0xBF;
  return table;
}();

constexpr std::size_t width = 32;

[[gnu::target("avx2"), gnu::always_inline]] inline __m256i every(std::uint8_t value) noexcept {
  return _mm256_set1_epi8(static_cast<char>(value));
}

[[gnu::target("avx2"), gnu::always_inline]] inline __m256i load(const void* from) noexcept {
  return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}

[[gnu::target("avx2"), gnu::always_inline]] inline void store(std::byte* to, __m256i bytes) noexcept {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), bytes);
}

[[gnu::target("avx2"), gnu::always_inline]] inline __m256i high_half(__m256i bytes) noexcept {
  return _mm256_and_si256(_mm256_srli_epi16(bytes, 4), every(0x0F));
}

class Checker {
 public:
  // The text goes on with `bytes`.
  [[gnu::target("avx2"), gnu::always_inline]] inline void take(__m256i bytes) noexcept {
    const __m256i across = _mm256_permute2x128_si256(last_, bytes, 0x21);  // The last half, and the first.
    const __m256i one_before = _mm256_alignr_epi8(bytes, across, 15);
    const __m256i two_before = _mm256_alignr_epi8(bytes, across, 14);
    const __m256i three_before = _mm256_alignr_epi8(bytes, across, 13);
    const __m256i pairs = _mm256_and_si256(
        _mm256_and_si256(_mm256_shuffle_epi8(load(by_first_high.data()), high_half(one_before)),
                         _mm256_shuffle_epi8(load(by_first_low.data()), _mm256_and_si256(one_before, every(0x0F)))),
        _mm256_shuffle_epi8(load(by_second_high.data()), high_half(bytes)));
    // The high bit, where a third or a fourth byte must be.
    const __m256i further = _mm256_or_si256(_mm256_subs_epu8(two_before, every(0xE0 - high_bit)),
                                            _mm256_subs_epu8(three_before, every(0xF0 - high_bit)));
    faults_ = _mm256_or_si256(faults_, _mm256_xor_si256(pairs, _mm256_and_si256(further, every(high_bit))));
    last_ = bytes;
  }

  // The text goes on with vectors of ASCII, of which `bytes` is the last.
  [[gnu::target("avx2"), gnu::always_inline]] inline void take_ascii(__m256i bytes) noexcept {
    // No character may be under way.
    faults_ = _mm256_or_si256(faults_, _mm256_subs_epu8(last_, load(largest_at_end.data())));
    last_ = bytes;
  }

  // The text goes on behind `before`, what lies before that having been taken.
  [[gnu::target("avx2"), gnu::always_inline]] inline void go_back_to(__m256i before) noexcept { last_ = before; }

  // Whether the text is good, and ends here.
  [[nodiscard, gnu::target("avx2"), gnu::always_inline]] inline bool good() noexcept {
    take_ascii(_mm256_setzero_si256());
    return _mm256_testz_si256(faults_, faults_) != 0;
  }

 private:
  __m256i last_ = {};  // The vector before.
  __m256i faults_ = {};
};

// A text of less than two vectors, from a copy with zeros behind it.
template <bool masked>
[[gnu::target("avx2")]] bool check_short(std::byte* to, const std::byte* from, std::size_t size,
                                         std::uint32_t key) noexcept {
  std::byte copy[2 * width] = {};
  mask_portably(copy, from, size, key);
  if (masked) std::memcpy(to, copy, size);
  Checker checker;
  checker.take(load(copy));
  checker.take(load(copy + width));
  return checker.good();
}

// What is left behind the last whole vector is taken as a vector that ends with the text and overlaps the one before.
// It and the one before it are loaded before anything is stored.
template <bool masked>
[[gnu::target("avx2")]] bool check(std::byte* to, const std::byte* from, std::size_t size, std::uint32_t key) noexcept {
  if (size < 2 * width) return check_short<masked>(to, from, size, key);
  const __m256i end_keys = _mm256_set1_epi32(static_cast<int>(rotate_key(key, size)));
  const __m256i end = _mm256_xor_si256(load(from + size - width), end_keys);
  const __m256i before_end = _mm256_xor_si256(load(from + size - 2 * width), end_keys);

  const __m256i keys = _mm256_set1_epi32(static_cast<int>(key));
  Checker checker;
  std::size_t at = 0;
  for (; size - at >= 4 * width; at += 4 * width) {
    __m256i four[4];
    for (std::size_t i = 0; i < 4; ++i) {
      four[i] = load(from + at + i * width);
      if (masked) {
        four[i] = _mm256_xor_si256(four[i], keys);
        store(to + at + i * width, four[i]);
      }
    }
    const __m256i any = _mm256_or_si256(_mm256_or_si256(four[0], four[1]), _mm256_or_si256(four[2], four[3]));
    if (_mm256_movemask_epi8(any) == 0) {
      checker.take_ascii(four[3]);
    } else {
      for (const __m256i& one : four) checker.take(one);
    }
  }
  for (; size - at >= width; at += width) {
    __m256i bytes = load(from + at);
    if (masked) {
      bytes = _mm256_xor_si256(bytes, keys);
      store(to + at, bytes);
    }
    checker.take(bytes);
  }
  if (at != size) {
    if (masked) store(to + size - width, end);
    checker.go_back_to(before_end);
    checker.take(end);
  }
  return checker.good();
}

}  // namespace

bool check_avx2(const std::byte* from, std::size_t size) noexcept { return check<false>(nullptr, from, size, 0); }

bool unmask_and_check_avx2(std::byte* to, const std::byte* from, std::size_t size, std::uint32_t key) noexcept {
  return check<true>(to, from, size, key);
}

}  // namespace tidewire::websocket::detail

#endif
