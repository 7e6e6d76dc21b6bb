#pragma once

#include <tidewire/core/export.h>
#include <cstdint>
#include <string_view>

namespace tidewire::websocket {

/// Why a connection was closed (RFC 6455 section 7.4, and the IANA registry "WebSocket Close Code Number").
///
/// Applications have 4000 to 4999 for themselves and libraries 3000 to 3999 by registration; those are
/// written `static_cast<CloseCode>(4001)`.
enum class CloseCode : std::uint16_t {
  normal = 1000,               ///< The purpose of the connection has been fulfilled.
  going_away = 1001,           ///< A server goes down, or a browser leaves the page.
  protocol_error = 1002,       ///< The peer broke the framing rules.
  unsupported_data = 1003,     ///< A kind of message that the receiver can't accept.
  no_status = 1005,            ///< Never sent: the Close that came carried no code.
  abnormal = 1006,             ///< Never sent: the connection ended without a Close.
  invalid_payload = 1007,      ///< A payload that isn't what it says, such as text that isn't UTF-8.
  policy_violation = 1008,     ///< A message that the receiver's rules forbid.
  message_too_big = 1009,      ///< A message larger than the receiver takes.
  mandatory_extension = 1010,  ///< A client missed an extension in the server's answer. Servers don't send it.
  internal_error = 1011,       ///< The server met a condition that it didn't expect.
  service_restart = 1012,      ///< The server restarts; come back after a random moment.
  try_again_later = 1013,      ///< The server is overloaded.
  bad_gateway = 1014,          ///< A gateway got an invalid answer from behind it.
};

/// Whether a Close frame may carry this code: 1000 to 1003, 1007 to 1014 and 3000 to 4999. A peer that
/// sends another has broken the protocol.
[[nodiscard]] constexpr bool may_appear_on_wire(CloseCode code) noexcept {
  const auto number = static_cast<std::uint16_t>(code);
  return (number >= 1000 && number <= 1003) || (number >= 1007 && number <= 1014) || (number >= 3000 && number <= 4999);
}

/// Whether an application may close with this code: one that may appear on the wire, except
/// mandatory_extension, which only a client's handshake has reason to send.
[[nodiscard]] constexpr bool may_be_chosen(CloseCode code) noexcept {
  return may_appear_on_wire(code) && code != CloseCode::mandatory_extension;
}

/// A few words for a log: "normal", "going away"; "registered" for 3000 to 3999, "application" for 4000 to
/// 4999, "reserved" for the rest.
[[nodiscard]] TIDEWIRE_API std::string_view name(CloseCode code) noexcept;

}  // namespace tidewire::websocket
