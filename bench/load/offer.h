#pragma once

#include <tidewire/core/result.h>
#include <cstdint>
#include <string_view>

namespace tidewire::bench {

/// Whether a handshake offers permessage-deflate (RFC 7692 7.1).
enum class Offer : std::uint8_t {
  nothing,
  deflate,                ///< Each message by itself, in both directions.
  deflate_with_takeover,  ///< Messages may refer to earlier ones, in both directions.
};

/// The value of Sec-WebSocket-Extensions. Like a browser's, it lets the server limit the client's window.
[[nodiscard]] std::string_view text_of(Offer offer) noexcept;

/// The window that the answer to an offer of permessage-deflate leaves the client, 9 to 15 bits. An error when it is no
/// answer to the offer; when there is takeover in one direction only, as what is measured would then not be what was
/// asked for; and when it wants 8 bits, which zlib does not have.
[[nodiscard]] Result<int> client_window_bits(std::string_view extensions, Offer offer);

}  // namespace tidewire::bench
