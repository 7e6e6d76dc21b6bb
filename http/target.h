#pragma once

#include <tidewire/core/export.h>
#include <tidewire/http/headers.h>
#include <tidewire/http/method.h>
#include <optional>
#include <string>
#include <string_view>

/// Request targets (RFC 9112 3.2), percent-encoding (RFC 3986 2.1) and query parameters.
namespace tidewire::http {

/// The four forms of a request target.
enum class TargetForm : std::uint8_t {
  origin,     ///< "/path?query": what a server gets (RFC 9112 3.2.1).
  absolute,   ///< "http://host/path?query": what a proxy gets, and a server must take (3.2.2).
  authority,  ///< "host:port", of CONNECT alone (3.2.3).
  asterisk,   ///< "*", of OPTIONS alone (3.2.4).
};

/// A target taken apart. The slices are offsets into the target.
struct Target {
  TargetForm form = TargetForm::origin;
  bool has_query = false;  ///< Whether there was a '?', perhaps with nothing behind it.
  Slice authority;         ///< "host:port" of the absolute and the authority form.
  Slice path;              ///< Still encoded. "/" for an absolute form without a path, "*" for the asterisk form.
  Slice query;             ///< Still encoded, without the '?'.
};

/// Takes a request target apart; the method decides which forms are allowed. Returns nullptr, or what is wrong with
/// it, a static text; `parsed` then says nothing.
///
/// Strict where a lax reading is dangerous:
/// - Only visible ASCII. Of that, the characters that RFC 3986 leaves out and browsers still send (`|`, `{`, `"`,
///   `\` and their like) pass; a '#' does not, since no fragment is ever sent.
/// - In the path every '%' needs two hexadecimal digits behind it, and %00 is refused.
/// - A path with a dot segment is refused, and never normalised, since two readers who normalise differently are
///   how a path escapes its root. A dot segment is "." or "..", plain or encoded (%2e), between any of '/', '\'
///   and their encoded forms: so nothing that a handler sees, decoded or not, climbs out of a directory by them. A part
///   of a path may still begin with a slash: join_path() (file_path.h) joins it to a folder. Clients remove dot
///   segments before they send (RFC 3986 5.2.4).
/// - An absolute target has the scheme http or https and a valid authority without user information.
[[nodiscard]] TIDEWIRE_API const char* parse_target(std::string_view target, Method method, Target& parsed) noexcept;

/// Whether `text` is what a Host field may say (RFC 9110 7.2): a name, an IPv4 address or an IPv6 address in
/// brackets, not empty, and perhaps a port of up to 65535.
[[nodiscard]] TIDEWIRE_API bool is_host(std::string_view text) noexcept;

/// Appends the decoded form of `encoded` to `out`. False if a '%' is not followed by two hexadecimal digits or
/// stands for NUL; `out` is then as it was.
[[nodiscard]] TIDEWIRE_API bool percent_decode(std::string_view encoded, std::string& out);

/// Encodes everything but unreserved characters (RFC 3986 2.3): for one path segment or one query value.
[[nodiscard]] TIDEWIRE_API std::string percent_encode(std::string_view text);

/// The decoded value of the first parameter of that name in a query ("a=1&b=2"), with '+' read as a space, as
/// forms write it. Empty if the name stands without a '='; nothing if it is absent or its value is badly encoded.
[[nodiscard]] TIDEWIRE_API std::optional<std::string> query_parameter(std::string_view query, std::string_view name);

}  // namespace tidewire::http
