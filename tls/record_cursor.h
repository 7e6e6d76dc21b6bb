#pragma once

#include <tidewire/core/bytes.h>
#include <array>
#include <cstddef>
#include <cstdint>

namespace tidewire::tls {

/// Follows the records of a connection's input (RFC 8446 section 5.1) as OpenSSL reads them, by a count of our own:
/// OpenSSL does not report where a record ends. With it one call of SSL_read takes one record at most, whatever OpenSSL
/// would do after a record without text.
class RecordCursor {
 public:
  /// Lets OpenSSL read on to the end of input, or of the record that is under way or comes next.
  void allow_any() noexcept { allowed_ = Allowed::any; }
  void allow_one() noexcept { allowed_ = Allowed::one; }

  /// Whether OpenSSL may read. False once the one record that was allowed has been read.
  [[nodiscard]] bool may_read() const noexcept { return allowed_ != Allowed::none; }
  /// Whether the record that was allowed has been read to its end.
  [[nodiscard]] bool has_read_one() const noexcept { return allowed_ == Allowed::none; }
  /// Whether no record has been read in part.
  [[nodiscard]] bool is_between_records() const noexcept { return head_bytes_ == 0; }

  /// Notes that OpenSSL reads from the front of `bytes`. Returns how many it may have: up to the record's end.
  std::size_t advance(Bytes bytes) noexcept;

 private:
  enum class Allowed : std::uint8_t { any, one, none };
  static constexpr std::size_t head_size = 5;

  [[nodiscard]] std::size_t body_bytes() const noexcept;

  std::array<std::byte, head_size> head_{};
  std::uint8_t head_bytes_ = 0;  // Of the head, so far; 0 between records.
  std::uint16_t body_left_ = 0;
  Allowed allowed_ = Allowed::any;
};

}  // namespace tidewire::tls
