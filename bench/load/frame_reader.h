#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tidewire::bench {

/// Finds the compressed messages (RFC 7692 6) in what a server sends on one connection, in however many pieces that
/// comes. A message may have several frames; there are no others.
class FrameReader {
 public:
  struct Piece {
    std::string_view payload;   ///< Of one frame, so far as it has come; may be empty.
    bool ends_message = false;  ///< It is the last of its message.
  };

  /// Takes a piece off the front of `bytes`, which are not empty; nothing when they are no such message.
  [[nodiscard]] std::optional<Piece> take(std::string_view& bytes);

  /// Whether a message has begun and not ended.
  [[nodiscard]] bool in_message() const noexcept { return in_message_ || header_bytes_ > 0; }

 private:
  [[nodiscard]] bool take_header();
  [[nodiscard]] std::size_t whole_header_bytes() const noexcept;

  std::array<std::uint8_t, 10> header_ = {};
  std::uint8_t header_bytes_ = 0;  ///< That are there of the next header; 0 within a payload.
  bool in_message_ = false;
  bool in_payload_ = false;
  bool last_frame_ = false;
  std::uint64_t left_ = 0;  ///< Of the payload.
};

}  // namespace tidewire::bench
