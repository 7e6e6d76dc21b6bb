#pragma once

#include <tidewire/core/buffer.h>
#include <tidewire/core/export.h>
#include <tidewire/core/result.h>
#include <tidewire/http/body.h>
#include <tidewire/http/date.h>
#include <tidewire/http/field_lines.h>
#include <tidewire/http/status.h>
#include <cstdint>
#include <string_view>

namespace tidewire::http {

/// The Connection field of a response.
enum class ConnectionOption : std::uint8_t {
  implied,     ///< None: the default of HTTP/1.1.
  close,       ///< "close": the last response of this connection (RFC 9112 9.6).
  keep_alive,  ///< "keep-alive": for an HTTP/1.0 client that asked for it.
  upgrade,     ///< "upgrade", for 101 and 426; the Upgrade field is set by whoever upgrades.
};

/// A response's status and fields on their way out (RFC 9112 4 and 5). Cleared and used again it allocates nothing.
class TIDEWIRE_API ResponseHead {
 public:
  [[nodiscard]] Status status() const noexcept { return status_; }
  /// A number outside of 100 to 999 is written as 500.
  void set_status(Status status) noexcept { status_ = status; }

  /// The fields; see FieldLines for what it refuses.
  [[nodiscard]] FieldLines& fields() noexcept { return fields_; }
  [[nodiscard]] const FieldLines& fields() const noexcept { return fields_; }

  /// As if new: 200 and no fields, keeping its memory.
  void clear() noexcept;

  /// Writes the whole head to `at`, where there is room for max_size() and `last_lines`, and returns where it ends: the
  /// status line (HTTP/1.1 whatever the client's version, RFC 9110 2.5), Server ("tidewire") and Date unless fields()
  /// has its own, Connection, Content-Length or Transfer-Encoding, fields(), `last_lines` as they are, and the empty
  /// line.
  ///
  /// `framing` is that of the content that the response has, or to a HEAD request would have. The statuses that never
  /// have content (may_have_content()) get no framing field, whatever it says. Kind::until_close, for a stream to an
  /// HTTP/1.0 client, has no field either, and wants ConnectionOption::close.
  char* write(char* at, const DateText& date, Framing framing, ConnectionOption connection = ConnectionOption::implied,
              std::string_view last_lines = {}) const noexcept;
  /// Appends it to `out`.
  void write(Buffer& out, const DateText& date, Framing framing,
             ConnectionOption connection = ConnectionOption::implied, std::string_view last_lines = {}) const;

  /// How much write() writes at the most, `last_lines` aside.
  [[nodiscard]] std::size_t max_size() const noexcept { return fixed_size + fields_.text().size(); }

 private:
  // Of everything but fields(): the longest status line, connection and framing lines are well below it.
  static constexpr std::size_t fixed_size = 256;

  Status status_ = Status::ok;
  FieldLines fields_;
};

/// The interim response that lets a client send its body, whole (RFC 9110 15.2.1).
inline constexpr std::string_view continue_response = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace tidewire::http
