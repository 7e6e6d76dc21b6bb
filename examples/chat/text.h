#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// What people write, made fit to be shown to others. All input is UTF-8, which the WebSocket layer and the JSON
/// parser have checked; the output is UTF-8 again.
namespace chat {

/// A name as it may be shown: white space of any kind becomes single spaces, none at the ends; control characters,
/// those that turn the direction of the text around, and invisible ones are left out. Nothing if no visible
/// character is left, or more than `max_characters` (code points).
[[nodiscard]] std::optional<std::string> clean_name(std::string_view text, std::size_t max_characters);

/// What two names have in common that people would take for the same: letters of ASCII in lower case, joiners and
/// variation selectors left out. `name` is clean.
[[nodiscard]] std::string name_key(std::string_view name);

/// A message's text as it may be shown: line ends become '\n', never more than two in a row; other control
/// characters than tabs are left out, and white space at the end. Empty if nothing is left.
[[nodiscard]] std::string clean_text(std::string_view text);

/// Whether a room may be called so: 1 to `max_characters` of a-z, 0-9, '-' and '_', a letter or digit first. A room's
/// name stands in its address, and is passed on by word of mouth.
[[nodiscard]] bool is_room_name(std::string_view text, std::size_t max_characters) noexcept;

/// Whether a client may call a message so: 1 to 32 of letters, digits, '-' and '_'.
[[nodiscard]] bool is_reference(std::string_view text) noexcept;

}  // namespace chat
