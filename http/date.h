#pragma once

#include <tidewire/core/export.h>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tidewire::http {

/// The text of a Date field, "Sun, 06 Nov 1994 08:49:37 GMT" (IMF-fixdate, RFC 9110 5.6.7). Costly enough to be kept
/// for the second that it names. It knows no clock: the caller brings the time.
class TIDEWIRE_API DateText {
 public:
  static constexpr std::size_t length = 29;

  /// The text of `time`, seconds since 1970 in UTC, of the years 1970 to 9999; clamped to them.
  explicit DateText(std::int64_t time) noexcept;

  [[nodiscard]] std::string_view text() const noexcept { return {text_.data(), length}; }
  /// The time as given.
  [[nodiscard]] std::int64_t time() const noexcept { return time_; }

 private:
  std::int64_t time_;
  std::array<char, length> text_;
};

}  // namespace tidewire::http
