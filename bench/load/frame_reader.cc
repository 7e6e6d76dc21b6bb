#include <tidewire/bench/frame_reader.h>
#include <algorithm>

namespace tidewire::bench {
namespace {

constexpr std::uint8_t fin_bit = 0x80;
constexpr std::uint8_t continuation = 0;
constexpr std::uint8_t compressed_text = 0x41;
constexpr std::uint8_t compressed_binary = 0x42;

}  // namespace

/// As far as its first two bytes tell.
std::size_t FrameReader::whole_header_bytes() const noexcept {
  if (header_bytes_ < 2 || header_[1] < 126) return 2;
  return header_[1] == 126 ? 4 : 10;
}

// A masked frame (RFC 6455 5.1) has a length of more than 127 here, and is none of a server's.
bool FrameReader::take_header() {
  const auto kind = static_cast<std::uint8_t>(header_[0] & ~fin_bit);
  const bool expected = in_message_ ? kind == continuation : kind == compressed_text || kind == compressed_binary;
  if (!expected || header_[1] > 127) return false;
  left_ = header_[1];
  if (left_ >= 126) {
    left_ = 0;
    for (std::size_t at = 2; at < header_bytes_; ++at) left_ = left_ << 8 | header_[at];
  }
  last_frame_ = (header_[0] & fin_bit) != 0;
  in_message_ = true;
  in_payload_ = true;
  header_bytes_ = 0;
  return true;
}

std::optional<FrameReader::Piece> FrameReader::take(std::string_view& bytes) {
  while (!in_payload_) {
    if (bytes.empty()) return Piece{};
    header_[header_bytes_++] = static_cast<std::uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    if (header_bytes_ >= whole_header_bytes() && !take_header()) return std::nullopt;
  }
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
  Piece piece{bytes.substr(0, size), false};
  bytes.remove_prefix(size);
  left_ -= size;
  if (left_ == 0) {
    in_payload_ = false;
    in_message_ = !last_frame_;
    piece.ends_message = last_frame_;
  }
  return piece;
}

}  // namespace tidewire::bench
