#pragma once

#include <tidewire/bench/connect.h>
#include <tidewire/bench/offer.h>
#include <tidewire/core/result.h>
#include <string>
#include <string_view>

namespace tidewire::bench {

/// What a GET request says about the one who asks: Host alone, or the header that a browser sends.
enum class Headers { minimal, browser };

[[nodiscard]] std::string get_request(const Endpoint& endpoint, std::string_view path, Headers headers);

/// The client's side of the opening handshake (RFC 6455 4.1), with the one key of all tools.
[[nodiscard]] std::string handshake_request(const Endpoint& endpoint, std::string_view path,
                                            Offer offer = Offer::nothing);

/// Whether a response's head, with its blank line, completes the handshake: status 101, the right Sec-WebSocket-Accept,
/// and the extension if it was offered, on the terms that were offered. Anything else is an error that says what.
[[nodiscard]] Result<void> check_handshake(std::string_view head, Offer offer = Offer::nothing);

/// The value of a header field, without the white space around it; empty when there is none.
[[nodiscard]] std::string_view header_field(std::string_view head, std::string_view name);
/// The status line, for messages.
[[nodiscard]] std::string first_line(std::string_view head);

}  // namespace tidewire::bench
