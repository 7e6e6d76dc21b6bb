#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/// The character classes of RFC 9110 5.6 as tables, and scans that look at many bytes at once.
namespace tidewire::http::detail {

using CharacterTable = std::array<bool, 256>;

constexpr CharacterTable characters(std::string_view others) {
  CharacterTable table{};
  for (unsigned char c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned char c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (unsigned char c = 'A'; c <= 'Z'; ++c) table[c] = true;
  for (const char c : others) table[static_cast<unsigned char>(c)] = true;
  return table;
}

/// tchar (RFC 9110 5.6.2).
inline constexpr CharacterTable token_characters = characters("!#$%&'*+-.^_`|~");
/// unreserved (RFC 3986 2.3).
inline constexpr CharacterTable unreserved_characters = characters("-._~");
/// unreserved and sub-delims: what a registered name is made of (RFC 3986 3.2.2), '%' aside.
inline constexpr CharacterTable name_characters = characters("-._~!$&'()*+,;=");

constexpr bool is_in(const CharacterTable& table, char c) noexcept { return table[static_cast<unsigned char>(c)]; }
constexpr bool is_token_character(char c) noexcept { return is_in(token_characters, c); }
constexpr bool is_space(char c) noexcept { return c == ' ' || c == '\t'; }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr char to_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

/// The value of a hexadecimal digit, or -1.
constexpr int hex_value(char c) noexcept {
  if (is_digit(c)) return c - '0';
  const char lower = to_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Whether the byte is a control character: below the space, or DEL.
constexpr bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
/// Whether the byte is visible ASCII (VCHAR).
constexpr bool is_visible(char c) noexcept { return c > 0x20 && c < 0x7f; }

inline constexpr std::uint64_t every_byte = 0x0101010101010101;
inline constexpr std::uint64_t high_bits = every_byte * 0x80;

/// Marks, by their high bits, the bytes below `bound` (at most 0x80). Above the lowest mark there may be false ones.
constexpr std::uint64_t bytes_below(std::uint64_t word, std::uint64_t bound) noexcept {
  return (word - every_byte * bound) & ~word & high_bits;
}
constexpr std::uint64_t delete_bytes(std::uint64_t word) noexcept { return bytes_below(word ^ (every_byte * 0x7f), 1); }

#if defined(__SSE2__)
// Sixteen bytes at once, on the machines that all have the instructions. A lane is all ones where a condition holds.
using Lanes = __m128i;

inline Lanes lanes_of(unsigned char c) noexcept { return _mm_set1_epi8(static_cast<char>(c)); }
inline Lanes lanes_up_to(Lanes bytes, unsigned char bound) noexcept {
  return _mm_cmpeq_epi8(_mm_min_epu8(bytes, lanes_of(bound)), bytes);
}
inline Lanes control_lanes(Lanes bytes) noexcept {
  return _mm_or_si128(lanes_up_to(bytes, 0x1f), _mm_cmpeq_epi8(bytes, lanes_of(0x7f)));
}
inline Lanes visible_lanes(Lanes bytes) noexcept {
  return lanes_up_to(_mm_sub_epi8(bytes, lanes_of(0x21)), 0x7e - 0x21);
}
inline Lanes letter_lanes(Lanes bytes) noexcept {
  return lanes_up_to(_mm_sub_epi8(_mm_or_si128(bytes, lanes_of(0x20)), lanes_of('a')), 'z' - 'a');
}

// Moves `at` to the first byte in [at, end) whose lane is `stop`, and returns true; or to the first of the up to 15
// bytes that are left.
template <class Condition>
bool find_by_lanes(const char*& at, const char* end, bool stop, Condition condition) noexcept {
  constexpr unsigned all = 0xffff;
  for (; end - at >= 16; at += 16) {
    const Lanes bytes = _mm_loadu_si128(reinterpret_cast<const Lanes*>(at));
    const auto found = static_cast<unsigned>(_mm_movemask_epi8(condition(bytes))) ^ (stop ? 0 : all);
    if (found != 0) {
      at += std::countr_zero(found);
      return true;
    }
  }
  return false;
}
#endif

template <class Marks, class Stops>
const char* find_by_words(const char* at, const char* end, Marks marks, Stops stops) noexcept {
  for (; end - at >= 8; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    if (const std::uint64_t found = marks(word)) {
      if constexpr (std::endian::native == std::endian::little) return at + std::countr_zero(found) / 8;
      break;
    }
  }
  while (at != end && !stops(*at)) ++at;
  return at;
}

/// The first control character in [at, end), tabs included; `end` if there is none.
inline const char* find_control(const char* at, const char* end) noexcept {
#if defined(__SSE2__)
  if (find_by_lanes(at, end, true, control_lanes)) return at;
#endif
  return find_by_words(
      at, end, [](std::uint64_t word) { return bytes_below(word, 0x20) | delete_bytes(word); }, is_control);
}

/// The first byte in [at, end) that is not visible ASCII; `end` if there is none.
inline const char* skip_visible(const char* at, const char* end) noexcept {
#if defined(__SSE2__)
  if (find_by_lanes(at, end, false, visible_lanes)) return at;
#endif
  return find_by_words(
      at, end, [](std::uint64_t word) { return bytes_below(word, 0x21) | delete_bytes(word) | (word & high_bits); },
      [](char c) { return !is_visible(c); });
}

/// The first byte in [at, end) that is not a token's; `end` if there is none.
inline const char* skip_token(const char* at, const char* end) noexcept {
#if defined(__SSE2__)
  // Names are of letters and '-' with few exceptions, which the table finds.
  find_by_lanes(at, end, false,
                [](Lanes bytes) { return _mm_or_si128(letter_lanes(bytes), _mm_cmpeq_epi8(bytes, lanes_of('-'))); });
#endif
  while (at != end && is_token_character(*at)) ++at;
  return at;
}

/// Whether a text of the literal's size is this literal without case, which is written in lower case, of letters and
/// '-'. For these, bit 0x20 set in a byte makes it equal to the literal's if and only if it is, a control character
/// aside that a field has nowhere.
template <std::size_t N>
inline bool is_name(const char* text, const char (&literal)[N]) noexcept {
  constexpr std::size_t size = N - 1;
  using Word = std::conditional_t<size >= 8, std::uint64_t, std::uint32_t>;
  static_assert(size >= sizeof(Word));
  const auto differ_at = [&](std::size_t offset) {
    Word a;
    Word b;
    std::memcpy(&a, text + offset, sizeof a);
    std::memcpy(&b, literal + offset, sizeof b);
    return (a | static_cast<Word>(every_byte * 0x20)) ^ b;
  };
  Word different = 0;
  for (std::size_t offset = 0; offset + sizeof(Word) <= size; offset += sizeof(Word)) different |= differ_at(offset);
  return (different | differ_at(size - sizeof(Word))) == 0;
}

}  // namespace tidewire::http::detail
