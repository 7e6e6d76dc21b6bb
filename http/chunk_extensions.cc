#include <tidewire/http/characters_internal.h>
#include <tidewire/http/chunk_extensions.h>
#include <array>
#include <cstddef>

namespace tidewire::http {
namespace {

// What a byte is to the grammar. obs-text (0x80 and above) and visible characters that no token has are `text`: they
// stand in quoted strings alone.
enum class Class : std::uint8_t { space, semicolon, equals, quote, backslash, token, text, control };
constexpr std::size_t classes = 8;

constexpr Class class_of(char c) noexcept {
  switch (c) {
    case ' ':
    case '\t':
      return Class::space;
    case ';':
      return Class::semicolon;
    case '=':
      return Class::equals;
    case '"':
      return Class::quote;
    case '\\':
      return Class::backslash;
    default:
      if (detail::is_token_character(c)) return Class::token;
      return detail::is_control(c) ? Class::control : Class::text;
  }
}

using Row = std::array<ChunkExtensionState, classes>;

// The next state, by state and class.
constexpr auto next_states = [] {
  using enum ChunkExtensionState;
  constexpr ChunkExtensionState no = malformed;
  return std::array<Row, 10>{{
      // clang-format off
      // space            semicolon    equals        quote         backslash  token   text    control
      {before_semicolon, before_name, no,           no,           no,        no,     no,     no},  // before_semicolon
      {before_name,      no,          no,           no,           no,        name,   no,     no},  // before_name
      {after_name,       before_name, before_value, no,           no,        name,   no,     no},  // name
      {after_name,       before_name, before_value, no,           no,        no,     no,     no},  // after_name
      {before_value,     no,          no,           quoted,       no,        value,  no,     no},  // before_value
      {before_semicolon, before_name, no,           no,           no,        value,  no,     no},  // value
      {quoted,           quoted,      quoted,       after_quoted, escaped,   quoted, quoted, no},  // quoted
      {quoted,           quoted,      quoted,       quoted,       quoted,    quoted, quoted, no},  // escaped
      {before_semicolon, before_name, no,           no,           no,        no,     no,     no},  // after_quoted
      {no,               no,          no,           no,           no,        no,     no,     no},  // malformed
      // clang-format on
  }};
}();

}  // namespace

ChunkExtensionState advance(ChunkExtensionState state, char c) noexcept {
  return next_states[static_cast<std::size_t>(state)][static_cast<std::size_t>(class_of(c))];
}

}  // namespace tidewire::http
