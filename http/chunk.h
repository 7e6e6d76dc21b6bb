#pragma once

#include <tidewire/core/buffer.h>
#include <tidewire/core/export.h>
#include <tidewire/http/field_lines.h>
#include <array>
#include <cstdint>
#include <string_view>

/// Writing a chunked body (RFC 9112 7.1): for each piece of content its ChunkHeader, the bytes and `chunk_end`, and
/// `last_chunk` at the end.
namespace tidewire::http {

/// What goes in front of a chunk's data: its size and CRLF. A size of 0 would end the body: no chunk is made of an
/// empty piece of content.
class TIDEWIRE_API ChunkHeader {
 public:
  explicit ChunkHeader(std::uint64_t size) noexcept;
  [[nodiscard]] std::string_view text() const noexcept { return {text_.data() + begin_, text_.size() - begin_}; }

 private:
  std::array<char, 18> text_;
  std::uint8_t begin_;
};

/// Ends a chunk's data.
inline constexpr std::string_view chunk_end = "\r\n";

/// Ends a chunked body that has no trailer fields.
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

/// Appends the whole chunk with this content; nothing if it is empty.
TIDEWIRE_API void write_chunk(Buffer& out, Bytes content);

/// Appends the end of a chunked body, with these trailer fields.
TIDEWIRE_API void write_last_chunk(Buffer& out, const FieldLines& trailers);

}  // namespace tidewire::http
