#pragma once

#include <tidewire/core/export.h>
#include <string>
#include <system_error>

namespace tidewire {

/// What can go wrong by Tidewire's own rules. What the system reports (a port in use, a reset connection)
/// comes as `std::errc` in the same `std::error_code`, so one comparison serves both.
enum class Errc {
  invalid_argument = 1,   ///< A value given by the application can't be used; the detail names it.
  invalid_configuration,  ///< Routes or options contradict each other; found before anything listens.
  closed,                 ///< The connection, stream or loop has ended.
  timeout,                ///< A deadline passed; the detail says which.
  protocol_error,         ///< The peer broke its protocol; the detail says how.
  too_large,              ///< A limit on size or count was exceeded; the detail says which.
  refused,                ///< The other side, or the application, declined.
  exception,              ///< A handler threw; the detail is what it said.
  untrusted,              ///< Who the peer says it is could not be verified; the detail says why.
  truncated,              ///< The peer's output ended before it said so: it was cut off, by whoever could.
  misuse,                 ///< A call where it must not be made: in a callback, on another thread, after a fork.
};

/// The category of Errc, named "tidewire".
[[nodiscard]] TIDEWIRE_API const std::error_category& error_category() noexcept;

[[nodiscard]] inline std::error_code make_error_code(Errc code) noexcept {
  return {static_cast<int>(code), error_category()};
}

/// Why something failed: a code to branch on, and a detail to read.
struct Error {
  std::error_code code;
  std::string detail;  ///< What it happened to, in a few words; may be empty.

  /// "detail: what the code means", in one line, for a log or a terminal.
  [[nodiscard]] TIDEWIRE_API std::string message() const;

  /// The error of a failed libuv or system call: `negative_errno` as libuv returns it (-EADDRINUSE).
  [[nodiscard]] TIDEWIRE_API static Error system(int negative_errno, std::string detail = {});
};

/// What `Result::value()` throws when there is no value: an Error on its way to `main`.
class TIDEWIRE_API Failure : public std::system_error {
 public:
  explicit Failure(const Error& error);
  ~Failure() override;
};

}  // namespace tidewire

template <>
struct std::is_error_code_enum<tidewire::Errc> : std::true_type {};
