#pragma once

#include <tidewire/core/export.h>
#include <tidewire/http/headers.h>
#include <span>
#include <string>
#include <string_view>

namespace tidewire::websocket {

/// Whether a request from this origin may open a WebSocket (RFC 6455 section 10.2).
///
/// Browsers let any page open a WebSocket to any server, cookies included, and say where the page came from
/// in Origin; only the server can tell its own pages from a stranger's. So:
///
/// - `allowed` empty (the default): same origin. The authority of `origin` must be `host`, exactly: the same
///   host, whatever its case, and the same port, where a missing one is 80 for `http` and 443 for `https`.
///   The scheme must be `https` where the request came over TLS (`secure`); where it did not, it isn't compared, for
///   behind a proxy the server can't know which one the browser used. `null` (a sandboxed frame, a local file) and
///   what isn't an origin are refused.
/// - `allowed` given: the origin must be one of them, by the whole string, whatever the case. Nothing is
///   implied: neither subdomains nor the same origin. "null" may be listed. "*" allows every origin.
///
/// `host` is the request's Host field. The same origin is that of whatever name the client used: a page of a foreign
/// name that resolves to this server passes (DNS rebinding), unless `http::ServerOptions::served_names` refuses the
/// name.
[[nodiscard]] TIDEWIRE_API bool origin_allowed(std::string_view origin, std::string_view host,
                                               std::span<const std::string> allowed, bool secure = false) noexcept;

/// The same for a request's fields. A request without Origin passes: it doesn't come from a browser's page, so
/// no user's cookies were sent behind their back. One with several is refused.
[[nodiscard]] TIDEWIRE_API bool origin_allowed(const http::Fields& fields, std::span<const std::string> allowed,
                                               bool secure = false) noexcept;

}  // namespace tidewire::websocket
