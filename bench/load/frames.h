#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tidewire::bench {

/// What a message consists of: printable ASCII in text frames, or any bytes in binary frames.
enum class Content { text, binary };

/// The one handshake that the tools use. The key is the example of RFC 6455 1.3, so that both sides know its
/// answer without SHA-1.
inline constexpr std::string_view handshake_key = "dGhlIHNhbXBsZSBub25jZQ==";
inline constexpr std::string_view handshake_accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The payload of this content and size: the same bytes in every process, so that the bare server can have its
/// answers ready and the load can compare them.
[[nodiscard]] std::string payload(Content content, std::size_t bytes);

/// A whole message in one frame, as a server sends it: unmasked (RFC 6455 5.2), its length in the shortest form.
[[nodiscard]] std::string server_frame(Content content, std::string_view payload);

/// The same, as a client sends it: masked with `mask` (RFC 6455 5.3).
[[nodiscard]] std::string client_frame(Content content, std::string_view payload, std::uint32_t mask);

}  // namespace tidewire::bench
