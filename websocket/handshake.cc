#include <tidewire/core/base64.h>
#include <tidewire/tls/digest.h>
#include <tidewire/websocket/handshake.h>
#include <algorithm>
#include <array>
#include <optional>

namespace tidewire::websocket {
namespace {

constexpr std::size_t key_bytes = 16;

// The value of a field that must be there once; a list of one is no exception (section 4.1: "MUST NOT appear
// more than once").
std::optional<std::string_view> only_value(const http::Fields& fields, std::string_view name) noexcept {
  const http::FieldValues values = fields.values(name);
  auto at = values.begin();
  if (at == values.end()) return {};
  const std::string_view value = *at;
  if (++at != values.end()) return {};
  return value;
}

bool is_key(std::string_view text) {
  // Asked first, so that a key of a kilobyte isn't decoded.
  if (text.size() != (key_bytes + 2) / 3 * 4) return false;
  const auto decoded = decode_base64(text);
  return decoded && decoded->size() == key_bytes;
}

// Section 4.1: "The elements that comprise this value MUST be non-empty strings [that are tokens] and MUST all
// be unique strings." Nothing if they aren't.
std::optional<std::vector<std::string_view>> subprotocols_of(const http::Fields& fields) {
  std::vector<std::string_view> names;
  for (const std::string_view name : http::ListElements(fields.values("sec-websocket-protocol"))) {
    if (!http::is_token(name) || names.size() == max_subprotocols) return {};
    // Names compare with case; at most `max_subprotocols` of them, so the square of it bounds this.
    if (std::find(names.begin(), names.end(), name) != names.end()) return {};
    names.push_back(name);
  }
  return names;
}

Result<std::vector<Extension>> extensions_of(const http::Fields& fields) {
  std::vector<Extension> extensions;
  for (const std::string_view line : fields.values("sec-websocket-extensions")) {
    if (auto parsed = parse_extensions(line, extensions); !parsed) return std::move(parsed).error();
  }
  return extensions;
}

HandshakeRefusal bad_request(std::string_view detail) { return {.detail = detail, .field = {}}; }

// What is wrong before any offer is looked at; nothing if all is well.
std::optional<HandshakeRefusal> fault_in(const HandshakeRequest& request) {
  using http::Status;
  if (!asks_for_websocket(request.fields)) {
    return HandshakeRefusal{Status::upgrade_required, "this is a WebSocket endpoint", {"Upgrade", "websocket"}};
  }
  if (request.method != "GET") {
    return HandshakeRefusal{Status::method_not_allowed, "the WebSocket handshake is a GET", {"Allow", "GET"}};
  }
  // RFC 9110 section 7.8: "A server MUST ignore an Upgrade header field that is received in an HTTP/1.0 request."
  if (!request.http_1_1) return bad_request("the WebSocket handshake needs HTTP/1.1");
  if (!http::has_token(request.fields.values("connection"), "upgrade")) {
    return bad_request("Connection does not list upgrade");
  }
  if (only_value(request.fields, "sec-websocket-version") != "13") {
    return HandshakeRefusal{
        Status::upgrade_required, "only version 13 of WebSocket is spoken here", {"Sec-WebSocket-Version", "13"}};
  }
  const auto key = only_value(request.fields, "sec-websocket-key");
  if (!key || !is_key(*key)) return bad_request("Sec-WebSocket-Key is not one key of 16 bytes in base64");
  return {};
}

}  // namespace

bool asks_for_websocket(const http::Fields& fields) noexcept {
  return http::has_token(fields.values("upgrade"), "websocket");
}

Result<AcceptKey> accept_for_key(std::string_view key) {
  // Section 1.3: the key as it was sent, followed by this text.
  constexpr std::string_view suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::string text;
  text.reserve(key.size() + suffix.size());
  text.append(key).append(suffix);
  const auto digest = tls::sha1(as_bytes(text));
  if (!digest) return digest.error();
  AcceptKey accept;
  encode_base64(accept.data(), *digest);
  return accept;
}

Result<std::string> make_key() {
  std::array<std::byte, key_bytes> bytes;
  if (auto filled = tls::random_bytes(bytes); !filled) return std::move(filled).error();
  std::string key;
  append_base64(key, bytes);
  return key;
}

std::variant<HandshakeOffer, HandshakeRefusal> judge_request(const HandshakeRequest& request) {
  if (auto fault = fault_in(request)) return *fault;
  auto subprotocols = subprotocols_of(request.fields);
  if (!subprotocols) return bad_request("Sec-WebSocket-Protocol is not a list of distinct names");
  auto extensions = extensions_of(request.fields);
  if (!extensions) return bad_request("Sec-WebSocket-Extensions is not understood");
  auto accept = accept_for_key(request.fields.find("sec-websocket-key"));
  if (!accept) return HandshakeRefusal{http::Status::internal_server_error, "SHA-1 is not available", {}};
  return HandshakeOffer{*accept, *std::move(subprotocols), *std::move(extensions)};
}

Result<HandshakeAnswer> judge_answer(http::Status status, const http::Fields& fields,
                                     const HandshakeExpectation& expected) {
  const auto fault = [](const char* detail) { return Error{make_error_code(Errc::protocol_error), detail}; };
  if (status != http::Status::switching_protocols) {
    return Error{make_error_code(Errc::refused), "status " + std::to_string(http::code_of(status))};
  }
  if (!asks_for_websocket(fields)) return fault("Upgrade does not list websocket");
  if (!http::has_token(fields.values("connection"), "upgrade")) return fault("Connection does not list upgrade");
  const auto accept = accept_for_key(expected.key);
  if (!accept) return accept.error();
  if (only_value(fields, "sec-websocket-accept") != text_of(*accept))
    return fault("Sec-WebSocket-Accept does not fit the key");

  HandshakeAnswer answer;
  if (fields.contains("sec-websocket-protocol")) {
    const auto chosen = only_value(fields, "sec-websocket-protocol");
    const auto& offered = expected.subprotocols;
    if (!chosen || std::find(offered.begin(), offered.end(), *chosen) == offered.end()) {
      return fault("a subprotocol that was not offered");
    }
    answer.subprotocol = *chosen;
  }
  auto extensions = extensions_of(fields);
  if (!extensions) return fault("Sec-WebSocket-Extensions is not understood");
  for (const Extension& extension : *extensions) {
    const auto& offered = expected.extensions;
    if (std::find(offered.begin(), offered.end(), extension.name) == offered.end()) {
      return fault("an extension that was not offered");
    }
  }
  answer.extensions = *std::move(extensions);
  return answer;
}

}  // namespace tidewire::websocket
