#pragma once

#include <tidewire/core/export.h>
#include <tidewire/core/result.h>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The Sec-WebSocket-Extensions field (RFC 6455 section 9.1), both its offers and its answers.
namespace tidewire::websocket {

struct ExtensionParameter {
  std::string name;
  std::optional<std::string> value;  ///< Unquoted; a token, as the grammar demands of quoted values, too.
};

struct Extension {
  std::string name;
  std::vector<ExtensionParameter> parameters;  ///< In order; a name may occur twice, which the extension judges.
};

/// An offer that a server accepts: what holds from then on, and the answer that says so. The agreement's type is the
/// extension's own.
template <class Agreement>
struct AcceptedExtension {
  Agreement agreement;
  Extension answer;
};

/// More extensions than this in a request, or more parameters in one of them, are refused: no one offers as
/// many, and each costs memory.
inline constexpr std::size_t max_extensions = 16;

/// Adds what one line of the field lists to `to`. Call it for each line; the bound is on all of them
/// together. Strict: a list of tokens with parameters, optional white space around the separators, empty
/// elements ignored as RFC 9110 section 5.6.1 has it. The error's code is `protocol_error` for bad grammar
/// and `too_large` beyond `max_extensions`. Time is linear in the line, and it stops at the bound.
[[nodiscard]] TIDEWIRE_API Result<void> parse_extensions(std::string_view line, std::vector<Extension>& to);

/// The field's value that lists these: "permessage-deflate; server_no_context_takeover".
[[nodiscard]] TIDEWIRE_API std::string format_extensions(const std::vector<Extension>& extensions);

}  // namespace tidewire::websocket
