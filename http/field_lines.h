#pragma once

#include <tidewire/core/export.h>
#include <tidewire/core/result.h>
#include <string>
#include <string_view>

namespace tidewire::http {

/// Fields on their way out, checked and kept as the text that is sent: "Name: value\r\n" for each. Cleared and used
/// again it allocates nothing.
///
/// What could change the meaning of the message is refused, with Errc::invalid_argument: a name that is not a token, a
/// value with CR, LF, NUL or another control character (it would end the field, and begin another or a second message:
/// response splitting) or with white space around it, and the fields that say how the message is framed and carried,
/// which the connection alone writes: Content-Length, Transfer-Encoding, Connection, Trailer.
class TIDEWIRE_API FieldLines {
 public:
  /// Sets a field, in the place of any of that name.
  Result<void> set(std::string_view name, std::string_view value);

  /// Adds a field beside those of the same name (Set-Cookie).
  Result<void> add(std::string_view name, std::string_view value);

  /// Adds a line that is known to be good, "Name: value\r\n" whole: a literal of the caller's. Neither Date nor Server.
  void add_known(std::string_view line) { text_.append(line); }
  /// Removes all fields of that name. Returns whether there was one.
  bool remove(std::string_view name);

  /// The value of the first field of that name; empty if there is none. A view, valid until this object changes.
  [[nodiscard]] std::string_view find(std::string_view name) const noexcept;
  [[nodiscard]] bool contains(std::string_view name) const noexcept { return !text_.empty() && has_line(name); }

  /// All lines, each with its CRLF.
  [[nodiscard]] std::string_view text() const noexcept { return text_; }
  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
  void clear() noexcept;

  /// Whether a Date or a Server field is among them, which a head then need not bring.
  [[nodiscard]] bool has_date() const noexcept { return has_date_; }
  [[nodiscard]] bool has_server() const noexcept { return has_server_; }

 private:
  [[nodiscard]] bool has_line(std::string_view name) const noexcept;
  void put(std::string_view name, std::string_view value);

  std::string text_;
  bool has_date_ = false;
  bool has_server_ = false;
};

}  // namespace tidewire::http
