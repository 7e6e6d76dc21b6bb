#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

/// The character classes of RFC 9110 5.6 and RFC 3986, as tables and tests of one byte.
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
/// What a path has that can be taken as it stands, the common part of pchar (RFC 3986 3.3): no '%', and no '.', of
/// which dot segments are made.
inline constexpr CharacterTable plain_path_characters = characters("/-_");
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
