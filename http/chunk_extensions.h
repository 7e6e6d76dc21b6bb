#pragma once

#include <cstdint>

/// The grammar of chunk extensions (RFC 9112 7.1.1), followed byte by byte: what stands between a chunk's size and the
/// CRLF of its line.
///
///     chunk-ext = *( BWS ";" BWS name [ BWS "=" BWS value ] )       name = token, value = token / quoted-string
///
/// Extensions are checked and not kept: "A recipient MUST ignore unrecognized chunk extensions", and none is known
/// here. Checking matters all the same: a recipient that ends the line elsewhere, inside a quoted string say, reads
/// another message (request smuggling). Lengths are bounded by the BodyDecoder.
namespace tidewire::http {

enum class ChunkExtensionState : std::uint8_t {
  before_semicolon,  ///< At the end of the size, where extensions begin; or after white space that only a ';' follows.
  before_name,
  name,
  after_name,
  before_value,
  value,
  quoted,
  escaped,  ///< After a backslash within quotes.
  after_quoted,
  malformed,
};

/// The state after the byte `c`; `malformed` if it cannot stand there. A state that is malformed stays so.
[[nodiscard]] ChunkExtensionState advance(ChunkExtensionState state, char c) noexcept;

/// Whether the line may end in this state.
[[nodiscard]] constexpr bool may_end(ChunkExtensionState state) noexcept {
  using enum ChunkExtensionState;
  return state == name || state == value || state == after_quoted;
}

}  // namespace tidewire::http
