#include <tidewire/websocket/mask.h>
#include <tidewire/websocket/utf8_internal.h>

#if defined(__x86_64__)
#include <immintrin.h>
#include <array>

// The idea is that of J. Keiser and D. Lemire, "Validating UTF-8 in less than one instruction per byte" (Software:
// Practice and Experience 51, 2021): look the bytes up in tables whose entries are sets of faults, and intersect the
// sets of neighbours. Here the tables have 64 entries and are asked by the byte itself (VBMI), as the first two bits
// of a byte only say what kind it is. So one table serves all first bytes, and one all second bytes.

namespace tidewire::websocket::detail {
namespace {

using Table = std::array<std::uint8_t, 64>;

constexpr std::uint8_t high_bit = 0x80;

// What a second byte may not be. That it may not be anything but a continuation is seen otherwise.
enum Fault : std::uint8_t {
  below_a0 = 1,  // E0: overlong.
  from_a0 = 2,   // ED: a surrogate.
  below_90 = 4,  // F0: overlong.
  from_90 = 8,   // F4: beyond U+10FFFF.
};

// By the last six bits of a byte that begins a character of several: what its second byte may not be.
constexpr Table faults_by_first = [] {
  Table table{};
  for (unsigned low = 0; low < 64; ++low) {
    const unsigned first = 0xC0 | low;
    unsigned faults = high_bit;
    if (first < 0xC2 || first > 0xF4) faults |= below_a0 | from_a0;  // Anything: no character begins so.
    if (first == 0xE0) faults |= below_a0;
    if (first == 0xED) faults |= from_a0;
    if (first == 0xF0) faults |= below_90;
    if (first == 0xF4) faults |= from_90;
    table[low] = static_cast<std::uint8_t>(faults);
  }
  return table;
}();

// By the last six bits of a continuation byte: what it is.
constexpr Table faults_by_second = [] {
  Table table{};
  for (unsigned low = 0; low < 64; ++low) {
    const unsigned second = 0x80 | low;
    table[low] = static_cast<std::uint8_t>(high_bit | (second < 0xA0 ? below_a0 : from_a0) |
                                           (second < 0x90 ? below_90 : from_90));
  }
  return table;
}();

// Selects from two vectors in a row the one that begins `count` bytes before the second.
constexpr Table shifted(unsigned count) {
  Table table{};
  for (unsigned i = 0; i < 64; ++i) table[i] = static_cast<std::uint8_t>(64 - count + i);
  return table;
}
constexpr Table shifted_by_one = shifted(1);
constexpr Table shifted_by_two = shifted(2);

// A byte at the end of a vector that is larger than this begins a character that goes on behind it.
constexpr Table largest_at_end = [] {
  Table table{};
  table.fill(0xFF);
  table[61] = 0xEF;
  table[62] = 0xDF;
  table[63] = 0xBF;
  return table;
}();

constexpr std::size_t width = 64;

[[gnu::target("avx512bw"), gnu::always_inline]] inline __m512i every(std::uint8_t value) noexcept {
  return _mm512_set1_epi8(static_cast<char>(value));
}

[[gnu::target("avx512bw"), gnu::always_inline]] inline __m512i load(const Table& table) noexcept {
  return _mm512_loadu_si512(table.data());
}

class Checker {
 public:
  // The text goes on with `bytes`.
  [[gnu::target("avx512bw,avx512vbmi"), gnu::always_inline]] inline void take(__m512i bytes) noexcept {
    const __m512i before = _mm512_permutex2var_epi8(last_, load(shifted_by_one), bytes);
    const __mmask64 behind_first = _mm512_cmpge_epu8_mask(before, every(0xC0));
    const __mmask64 continuation = _mm512_cmplt_epi8_mask(bytes, every(0xC0));  // Signed: 0x80 to 0xBF.
    const __m512i by_first = _mm512_maskz_permutexvar_epi8(behind_first, before, load(faults_by_first));
    const __m512i by_second = _mm512_maskz_permutexvar_epi8(continuation, bytes, load(faults_by_second));
    pairs_ = _mm512_ternarylogic_epi32(pairs_, by_first, by_second, 0xF8);  // pairs | (first & second)

    // The high bit, two bytes early, where a third or a fourth byte must be: behind E0 and more, and behind the
    // byte that follows F0 and more.
    const __m512i wanting = _mm512_or_si512(_mm512_subs_epu8(bytes, every(0xE0 - high_bit)),
                                            _mm512_subs_epu8(before, every(0xF0 - high_bit)));
    const __m512i further = _mm512_permutex2var_epi8(wanting_, load(shifted_by_two), wanting);
    // Continuation bytes must be where something before asks for them, and nowhere else: a ^ (b | c).
    order_ = _mm512_or_si512(order_, _mm512_ternarylogic_epi32(by_second, by_first, further, 0x1E));
    last_ = bytes;
    wanting_ = wanting;
  }

  // The text goes on with vectors of ASCII, of which `bytes` is the last.
  [[gnu::target("avx512bw,avx512vbmi"), gnu::always_inline]] inline void take_ascii(__m512i bytes) noexcept {
    // No character may be under way; if none is, `wanting_` wants nothing behind its vector.
    pairs_ = _mm512_or_si512(pairs_, _mm512_subs_epu8(last_, load(largest_at_end)));
    last_ = bytes;
  }

  [[nodiscard, gnu::target("avx512bw"), gnu::always_inline]] inline bool good() const noexcept {
    return (_mm512_test_epi8_mask(pairs_, every(0x7F)) | _mm512_movepi8_mask(order_)) == 0;
  }

 private:
  __m512i last_ = {};     // The vector before.
  __m512i wanting_ = {};  // See `take`, of the vector before.
  __m512i pairs_ = {};    // Faults that two neighbours have shown. The high bit means nothing.
  __m512i order_ = {};    // The high bit where there is a continuation byte too many or too few.
};

// Vectors are loaded from and stored at multiples of their width (with a mask for the first and the last), since
// each that lies across two cache lines would cost twice. Lanes beside the text are not touched, and count as zero.
template <bool masked>
[[gnu::target("avx512bw,avx512vbmi")]] bool check(std::byte* to, const std::byte* from, std::size_t size,
                                                  std::uint32_t key) noexcept {
  const std::size_t offset = reinterpret_cast<std::uintptr_t>(masked ? to : from) % width;
  const __m512i keys = _mm512_set1_epi32(static_cast<int>(rotate_key(key, 0 - offset)));
  Checker checker;

  __mmask64 lanes = ~__mmask64{0} << offset;
  if (size < width - offset) lanes &= ~(~__mmask64{0} << (offset + size));
  __m512i bytes = _mm512_maskz_loadu_epi8(lanes, from - offset);
  if (masked) {
    bytes = _mm512_maskz_mov_epi8(lanes, _mm512_xor_si512(bytes, keys));
    _mm512_mask_storeu_epi8(to - offset, lanes, bytes);
  }
  checker.take(bytes);

  std::size_t at = size < width - offset ? size : width - offset;
  for (; size - at >= 4 * width; at += 4 * width) {
    __m512i four[4];
    for (std::size_t i = 0; i < 4; ++i) {
      four[i] = _mm512_loadu_si512(from + at + i * width);
      if (masked) {
        four[i] = _mm512_xor_si512(four[i], keys);
        _mm512_storeu_si512(to + at + i * width, four[i]);
      }
    }
    const __m512i any = _mm512_or_si512(_mm512_ternarylogic_epi32(four[0], four[1], four[2], 0xFE), four[3]);
    if (_mm512_movepi8_mask(any) == 0) {
      checker.take_ascii(four[3]);
    } else {
      for (const __m512i& one : four) checker.take(one);
    }
  }
  for (; size - at >= width; at += width) {
    bytes = _mm512_loadu_si512(from + at);
    if (masked) {
      bytes = _mm512_xor_si512(bytes, keys);
      _mm512_storeu_si512(to + at, bytes);
    }
    checker.take(bytes);
  }
  // Also if nothing is left: the zeros show whether a character is under way.
  lanes = ~(~__mmask64{0} << (size - at));
  bytes = _mm512_maskz_loadu_epi8(lanes, from + at);
  if (masked) {
    bytes = _mm512_maskz_mov_epi8(lanes, _mm512_xor_si512(bytes, keys));
    _mm512_mask_storeu_epi8(to + at, lanes, bytes);
  }
  checker.take(bytes);
  return checker.good();
}

}  // namespace

bool check_avx512(const std::byte* from, std::size_t size) noexcept { return check<false>(nullptr, from, size, 0); }

bool unmask_and_check_avx512(std::byte* to, const std::byte* from, std::size_t size, std::uint32_t key) noexcept {
  return check<true>(to, from, size, key);
}

}  // namespace tidewire::websocket::detail

#endif
