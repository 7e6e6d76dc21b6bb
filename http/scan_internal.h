#pragma once

#include <tidewire/http/characters_internal.h>
#include <bit>
#include <cstdint>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/// Scans for the first byte that ends something, sixteen bytes at once on the machines that all can (SSE2), eight or
/// one at a time elsewhere.
///
/// Each scans [at, end). What stands in [from, at) is part of the same text and may be looked at, too: it fills up the
/// last bytes of a text to as many as are looked at together. Nothing outside of [from, end) is read.
namespace tidewire::http::detail {

#if defined(__SSE2__)

using Lanes = __m128i;

// A lane is all ones where the condition holds.
inline Lanes lanes_of(unsigned char c) noexcept { return _mm_set1_epi8(static_cast<char>(c)); }
inline Lanes lanes_up_to(Lanes bytes, unsigned char bound) noexcept {
  return _mm_cmpeq_epi8(_mm_min_epu8(bytes, lanes_of(bound)), bytes);
}
inline Lanes lanes_between(Lanes bytes, unsigned char first, unsigned char last) noexcept {
  return lanes_up_to(_mm_sub_epi8(bytes, lanes_of(first)), static_cast<unsigned char>(last - first));
}
inline Lanes lanes_equal(Lanes bytes, unsigned char c) noexcept { return _mm_cmpeq_epi8(bytes, lanes_of(c)); }
inline Lanes lanes_letter(Lanes bytes) noexcept { return lanes_between(_mm_or_si128(bytes, lanes_of(0x20)), 'a', 'z'); }

// A set bit for each of the sixteen bytes at `at` that ends the scan.
template <class Ends>
unsigned ends_in_16(const char* at) noexcept {
  const Lanes found = Ends::lanes(_mm_loadu_si128(reinterpret_cast<const Lanes*>(at)));
  return static_cast<unsigned>(_mm_movemask_epi8(found)) ^ (Ends::lanes_mark_the_others ? 0xffffU : 0U);
}

#endif

inline constexpr std::uint64_t high_bits = every_byte * 0x80;

/// Marks, by their high bits, the bytes below `bound` (at most 0x80). Above the lowest mark there may be false ones.
constexpr std::uint64_t bytes_below(std::uint64_t word, std::uint64_t bound) noexcept {
  return (word - every_byte * bound) & ~word & high_bits;
}
constexpr std::uint64_t delete_bytes(std::uint64_t word) noexcept { return bytes_below(word ^ (every_byte * 0x7f), 1); }

// What ends a scan: of one byte, of a word of eight (as marks), of sixteen lanes.

struct Control {
  static bool byte(char c) noexcept { return is_control(c); }
  static std::uint64_t word(std::uint64_t bytes) noexcept { return bytes_below(bytes, 0x20) | delete_bytes(bytes); }
#if defined(__SSE2__)
  static constexpr bool lanes_mark_the_others = false;
  static Lanes lanes(Lanes bytes) noexcept { return _mm_or_si128(lanes_up_to(bytes, 0x1f), lanes_equal(bytes, 0x7f)); }
#endif
};

struct NotVisible {
  static bool byte(char c) noexcept { return !is_visible(c); }
  static std::uint64_t word(std::uint64_t bytes) noexcept {
    return bytes_below(bytes, 0x21) | delete_bytes(bytes) | (bytes & high_bits);
  }
#if defined(__SSE2__)
  static constexpr bool lanes_mark_the_others = true;
  static Lanes lanes(Lanes bytes) noexcept { return lanes_between(bytes, 0x21, 0x7e); }
#endif
};

// Names are of letters and '-' with few exceptions.
struct NotCommonInNames {
  static bool byte(char c) noexcept { return !is_token_character(c); }
#if defined(__SSE2__)
  static constexpr bool lanes_mark_the_others = true;
  static Lanes lanes(Lanes bytes) noexcept { return _mm_or_si128(lanes_letter(bytes), lanes_equal(bytes, '-')); }
#endif
};

struct NotPlainInPaths {
  static bool byte(char c) noexcept { return !is_in(plain_path_characters, c); }
#if defined(__SSE2__)
  static constexpr bool lanes_mark_the_others = true;
  static Lanes lanes(Lanes bytes) noexcept {
    const Lanes common = _mm_or_si128(lanes_letter(bytes), lanes_between(bytes, '/', '9'));
    return _mm_or_si128(common, _mm_or_si128(lanes_equal(bytes, '-'), lanes_equal(bytes, '_')));
  }
#endif
};

template <class Ends>
const char* find_by_bytes(const char* at, const char* end) noexcept {
  while (at != end && !Ends::byte(*at)) ++at;
  return at;
}

template <class Ends>
const char* find_by_words(const char* at, const char* end) noexcept {
  for (; end - at >= 8; at += 8) {
    std::uint64_t bytes;
    std::memcpy(&bytes, at, sizeof bytes);
    if (const std::uint64_t found = Ends::word(bytes)) {
      if constexpr (std::endian::native == std::endian::little) return at + std::countr_zero(found) / 8;
      break;
    }
  }
  return find_by_bytes<Ends>(at, end);
}

// The same for the last bytes, fewer than are looked at together.
template <class Ends>
const char* find_end_near(const char* from, const char* at, const char* end) noexcept {
#if defined(__SSE2__)
  if (end - from >= 16) {
    // The last sixteen, of which some were looked at already.
    const unsigned found = ends_in_16<Ends>(end - 16) >> (16 - (end - at));
    return found != 0 ? at + std::countr_zero(found) : end;
  }
#else
  static_cast<void>(from);
#endif
  if constexpr (requires { Ends::word(0); }) {
    return find_by_words<Ends>(at, end);
  } else {
    return find_by_bytes<Ends>(at, end);
  }
}

template <class Ends>
inline const char* find_end(const char* from, const char* at, const char* end) noexcept {
#if defined(__SSE2__)
  for (; end - at >= 16; at += 16) {
    if (const unsigned found = ends_in_16<Ends>(at); found != 0) return at + std::countr_zero(found);
  }
#endif
  return find_end_near<Ends>(from, at, end);
}

/// The first control character, tabs included; `end` if there is none.
inline const char* find_control(const char* from, const char* at, const char* end) noexcept {
  return find_end<Control>(from, at, end);
}

/// The control characters of a text, tabs included, one after the other.
///
/// They are found for 64 bytes at a time, before they are asked for. So where a line ends is known without a walk over
/// the line, and the processor can work on several lines at once: with a scan from each line's start to its end, each
/// would have to wait for the one before.
class ControlMarks {
 public:
  ControlMarks(const char* begin, const char* end) noexcept : begin_(begin), end_(end), next_block_(begin) {}

  /// The first that was not returned or skipped yet; the text's end if there is none.
  const char* next() noexcept {
    while (marks_ == 0) {
      if (next_block_ == end_) return end_;
      load();
    }
    const char* found = block_ + std::countr_zero(marks_);
    marks_ &= marks_ - 1;
    return found;
  }

  /// Skips the next one, which is there.
  void skip() noexcept {
    if (marks_ == 0) load();
    marks_ &= marks_ - 1;
  }

 private:
  static constexpr std::ptrdiff_t block_bytes = 64;

  void load() noexcept {
    block_ = next_block_;
    next_block_ = end_ - block_ >= block_bytes ? block_ + block_bytes : end_;
    marks_ = marks_of(begin_, block_, next_block_);
  }

  // The marks of up to 64 bytes. Not inlined: they are better kept in a register than made in line.
  [[gnu::noinline]] static std::uint64_t marks_of(const char* from, const char* block, const char* end) noexcept {
#if defined(__SSE2__)
    const auto marks_at = [&](std::ptrdiff_t offset) {
      return static_cast<std::uint64_t>(ends_in_16<Control>(block + offset)) << offset;
    };
    if (end - block == block_bytes) return marks_at(0) | marks_at(16) | marks_at(32) | marks_at(48);
    std::uint64_t marks = 0;
    std::ptrdiff_t offset = 0;
    for (; end - block - offset >= 16; offset += 16) marks |= marks_at(offset);
    const std::ptrdiff_t rest = end - block - offset;
    if (rest == 0) return marks;
    if (end - from >= 16) {
      // The last sixteen, of which some were looked at already.
      const std::uint64_t found = ends_in_16<Control>(end - 16) >> (16 - rest);
      return marks | found << offset;
    }
#else
    static_cast<void>(from);
    std::uint64_t marks = 0;
    std::ptrdiff_t offset = 0;
#endif
    for (; block + offset != end; ++offset) marks |= static_cast<std::uint64_t>(is_control(block[offset])) << offset;
    return marks;
  }

  const char* begin_;
  const char* end_;
  const char* next_block_;
  const char* block_ = nullptr;
  std::uint64_t marks_ = 0;  // Of the block: what is behind the last one returned.
};

/// The first byte that is not visible ASCII; `end` if there is none.
inline const char* skip_visible(const char* from, const char* at, const char* end) noexcept {
  return find_end<NotVisible>(from, at, end);
}

/// The first byte that is not a token's; `end` if there is none.
inline const char* skip_token(const char* from, const char* at, const char* end) noexcept {
  at = find_end<NotCommonInNames>(from, at, end);
  while (at != end && is_token_character(*at)) ++at;
  return at;
}

/// Where the colon stands behind a name of up to 15 letters and '-'. Null if it is not as simple as that, or there are
/// not sixteen bytes to look at.
inline const char* find_colon(const char* name, const char* end) noexcept {
#if defined(__SSE2__)
  if (end - name < 16) return nullptr;
  const unsigned found = ends_in_16<NotCommonInNames>(name);
  const char* at = name + std::countr_zero(found | 1U << 15);
  return *at == ':' ? at : nullptr;
#else
  static_cast<void>(name);
  static_cast<void>(end);
  return nullptr;
#endif
}

/// The first byte that is not one of plain_path_characters; `end` if there is none.
inline const char* skip_plain_path(const char* from, const char* at, const char* end) noexcept {
  return find_end<NotPlainInPaths>(from, at, end);
}

}  // namespace tidewire::http::detail
