#pragma once

#include <tidewire/core/bytes.h>
#include <tidewire/core/cpu.h>
#include <tidewire/core/export.h>
#include <cstdint>

namespace tidewire::websocket {

/// Checks that a text arriving in pieces is UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing over
/// U+10FFFF).
///
/// It fails at the first byte that no valid text could have there, not at the end of the character or of
/// the piece. Four bytes of state and no memory; a plain value.
class Utf8 {
 public:
  /// Checks the next piece. Once it has returned false, only `reset` helps.
  [[nodiscard]] TIDEWIRE_API bool feed(Bytes piece) noexcept;

  /// Takes the mask with `key` (mask.h) off the next piece on its way to `to`, and checks what comes out, both in
  /// one pass. `to` is where the piece is, or has room for as many bytes and doesn't overlap it. After false it is
  /// unspecified what is at `to`, and in a piece that was there.
  [[nodiscard]] TIDEWIRE_API bool feed_masked(std::byte* to, Bytes piece, std::uint32_t key) noexcept;

  /// The same with the instructions of `level`, which this machine must have. For tests and measurements.
  [[nodiscard]] TIDEWIRE_API bool feed(Bytes piece, CpuLevel level) noexcept;
  [[nodiscard]] TIDEWIRE_API bool feed_masked(std::byte* to, Bytes piece, std::uint32_t key, CpuLevel level) noexcept;

  /// Whether what was fed so far ends where a character ends.
  [[nodiscard]] bool complete() const noexcept { return missing_ == 0; }

  void reset() noexcept { *this = {}; }

 private:
  template <bool vectors>
  [[nodiscard]] bool feed_narrow(Bytes piece) noexcept;
  [[nodiscard]] bool feed_wide(std::byte* to, Bytes piece, std::uint32_t key, CpuLevel level) noexcept;

  std::uint8_t missing_ = 0;     // Bytes that the character under way still needs.
  std::uint8_t lowest_ = 0x80;   // What its next byte may be. The first byte narrows it for the second
  std::uint8_t highest_ = 0xBF;  // (E0, ED, F0 and F4), after which any continuation byte will do.
};

/// Whether the whole of `text` is UTF-8.
[[nodiscard]] TIDEWIRE_API bool is_utf8(Bytes text) noexcept;

/// The longest beginning of `text`, which is UTF-8, that has at most `max_bytes` and ends with a whole
/// character. Views `text`.
[[nodiscard]] TIDEWIRE_API std::string_view truncate_utf8(std::string_view text, std::size_t max_bytes) noexcept;

}  // namespace tidewire::websocket
