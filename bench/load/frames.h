#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidewire::bench {

/// What a message consists of.
enum class Content {
  ascii,   ///< Printable ASCII, in a text frame.
  mixed,   ///< Words of several scripts in UTF-8, one to four bytes a character, in a text frame.
  binary,  ///< Any bytes, in a binary frame.
  json,    ///< Records as applications send them, in a text frame.
};

/// Names for flags, in the order of the enumerators.
[[nodiscard]] std::vector<std::string> content_names();
/// The content of one of these names; none for any other.
[[nodiscard]] std::optional<Content> content_named(std::string_view name);

/// The one handshake that the tools use. The key is the example of RFC 6455 1.3, so that both sides know its
/// answer without SHA-1.
inline constexpr std::string_view handshake_key = "dGhlIHNhbXBsZSBub25jZQ==";
inline constexpr std::string_view handshake_accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The payload of this content and size: the same bytes in every process, so that a bare server can have its answers
/// ready and the load can compare them. Mixed text ends with a whole character. Each variant has other bytes.
[[nodiscard]] std::string payload(Content content, std::size_t bytes, std::uint32_t variant = 0);

/// How a frame's payload is coded.
enum class Coding : std::uint8_t {
  plain,
  deflated,  ///< RFC 7692: the payload is compressed already, and the frame says so.
};

/// A whole message in one frame, as a server sends it: unmasked (RFC 6455 5.2), its length in the shortest form.
[[nodiscard]] std::string server_frame(Content content, std::string_view payload);

/// The same, as a client sends it: masked with `mask` (RFC 6455 5.3).
[[nodiscard]] std::string client_frame(Content content, std::string_view payload, std::uint32_t mask,
                                       Coding coding = Coding::plain);

/// A close frame of a client (RFC 6455 5.5.1): its payload is the code in network order, and a reason.
[[nodiscard]] std::string client_close_frame(std::string_view payload, std::uint32_t mask);

}  // namespace tidewire::bench
