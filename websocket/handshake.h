#pragma once

#include <tidewire/core/export.h>
#include <tidewire/core/result.h>
#include <tidewire/http/headers.h>
#include <tidewire/http/status.h>
#include <tidewire/websocket/extensions.h>
#include <array>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The opening handshake (RFC 6455 section 4) without its I/O: judging requests and answers.
namespace tidewire::websocket {

/// The head of an HTTP request as far as the handshake looks at it; views.
struct HandshakeRequest {
  std::string_view method;
  bool http_1_1 = true;  ///< HTTP/1.1 or a later minor version.
  http::Fields fields;
};

/// The value of Sec-WebSocket-Accept: base64 of a SHA-1.
using AcceptKey = std::array<char, 28>;
[[nodiscard]] inline std::string_view text_of(const AcceptKey& key) noexcept { return {key.data(), key.size()}; }

/// A request that asks for a WebSocket and may have one; what to accept of its offers is the application's choice.
struct HandshakeOffer {
  AcceptKey accept{};
  std::vector<std::string_view> subprotocols;  ///< In the client's order of preference; views the request.
  std::vector<Extension> extensions;           ///< As above.
};

/// A request that can't become a WebSocket: what to answer instead.
struct HandshakeRefusal {
  http::Status status = http::Status::bad_request;
  std::string_view detail;  ///< What was wrong; a literal, fit for the body of the answer.
  /// A field that the answer must carry, if the name isn't empty: Sec-WebSocket-Version or Upgrade with 426,
  /// Allow with 405; literals.
  http::Field field;
};

/// More subprotocols than this in a request are refused.
inline constexpr std::size_t max_subprotocols = 64;

/// Judges a client's request (section 4.2.1).
///
/// It asks for a WebSocket if Upgrade lists `websocket` and Connection `upgrade`, as whole tokens, whatever
/// their case, in any of several lines. It may have one if it is a GET of HTTP/1.1 with exactly one
/// Sec-WebSocket-Version, 13, and exactly one Sec-WebSocket-Key, base64 of 16 bytes; subprotocols, if any, are
/// distinct tokens and extensions keep to their grammar. Refusals: 405 for another method; 426 with
/// `Upgrade: websocket` if it doesn't ask; 426 with `Sec-WebSocket-Version: 13` for another version or none; 400 for
/// the rest; 500 if SHA-1 can't be had.
///
/// Path, Host, Origin (see origin.h) and authorisation are the caller's to judge, and so is a body, which an
/// upgrade can't have.
[[nodiscard]] TIDEWIRE_API std::variant<HandshakeOffer, HandshakeRefusal> judge_request(
    const HandshakeRequest& request);

/// Whether Upgrade lists `websocket`: whether this request is for the handshake at all, rather than for a page.
[[nodiscard]] TIDEWIRE_API bool asks_for_websocket(const http::Fields& fields) noexcept;

/// The value of Sec-WebSocket-Accept that answers a Sec-WebSocket-Key (section 4.2.2, step 5.4).
[[nodiscard]] TIDEWIRE_API Result<AcceptKey> accept_for_key(std::string_view key);

/// A fresh Sec-WebSocket-Key for a client: base64 of 16 random bytes (section 4.1).
[[nodiscard]] TIDEWIRE_API Result<std::string> make_key();

/// What a client asked for, to hold the answer against.
struct HandshakeExpectation {
  std::string_view key;                        ///< The Sec-WebSocket-Key that was sent.
  std::vector<std::string_view> subprotocols;  ///< Those offered.
  std::vector<std::string_view> extensions;    ///< The names of those offered.
};

/// What a server granted.
struct HandshakeAnswer {
  std::string_view subprotocol;  ///< Empty if none; views the answer.
  std::vector<Extension> extensions;
};

/// Judges a server's answer (section 4.1): status 101, Upgrade and Connection, the right Sec-WebSocket-Accept,
/// at most one subprotocol and no extension that wasn't offered. The error's code is `refused` for any other
/// status than 101, `protocol_error` otherwise.
[[nodiscard]] TIDEWIRE_API Result<HandshakeAnswer> judge_answer(http::Status status, const http::Fields& fields,
                                                                const HandshakeExpectation& expected);

}  // namespace tidewire::websocket
