#pragma once

#include <tidewire/core/bytes.h>
#include <tidewire/core/export.h>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Base64 with the standard alphabet and padding (RFC 4648 section 4).
namespace tidewire {

/// How many characters stand for so many bytes.
[[nodiscard]] constexpr std::size_t base64_size(std::size_t bytes) noexcept { return (bytes + 2) / 3 * 4; }

/// Writes `data` in base64 to `out`, which has room for base64_size(data.size()) characters.
TIDEWIRE_API void encode_base64(char* out, Bytes data) noexcept;

/// Appends it to `to`.
TIDEWIRE_API void append_base64(std::string& to, Bytes data);

/// The bytes that `text` stands for, or nothing if it isn't base64.
///
/// There is one spelling for any bytes, and only that is taken: padded to a multiple of four characters, no
/// white space, and the bits that padding leaves over are zero (section 3.5).
[[nodiscard]] TIDEWIRE_API std::optional<std::vector<std::byte>> decode_base64(std::string_view text);

}  // namespace tidewire
