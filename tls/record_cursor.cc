#include <tidewire/tls/record_cursor.h>
#include <algorithm>

namespace tidewire::tls {
namespace {

std::size_t number_at(const std::byte* at) noexcept {
  return std::to_integer<std::size_t>(at[0]) << 8 | std::to_integer<std::size_t>(at[1]);
}

}  // namespace

/// How much follows a whole head.
std::size_t RecordCursor::body_bytes() const noexcept {
  // A ClientHello may come in the form of SSL 2 (RFC 5246 appendix E.2): two bytes of length, of which the first bit is
  // set, and the length is that of all that follows the two.
  constexpr std::byte ssl_2{0x80};
  constexpr std::size_t ssl_2_head_bytes = 2;
  if ((head_[0] & ssl_2) == std::byte{0}) return number_at(&head_[3]);
  const std::size_t whole = (number_at(head_.data()) & 0x7fff) + ssl_2_head_bytes;
  return std::max(whole, head_size) - head_size;
}

std::size_t RecordCursor::advance(Bytes bytes) noexcept {
  std::size_t taken = 0;
  if (head_bytes_ < head_size) {
    taken = std::min(bytes.size(), head_size - head_bytes_);
    std::copy_n(bytes.begin(), taken, head_.begin() + head_bytes_);
    head_bytes_ = static_cast<std::uint8_t>(head_bytes_ + taken);
    if (head_bytes_ < head_size) return taken;
    body_left_ = static_cast<std::uint16_t>(body_bytes());
  }
  const std::size_t of_body = std::min<std::size_t>(bytes.size() - taken, body_left_);
  body_left_ = static_cast<std::uint16_t>(body_left_ - of_body);
  if (body_left_ == 0) {
    head_bytes_ = 0;
    if (allowed_ == Allowed::one) allowed_ = Allowed::none;
  }
  return taken + of_body;
}

}  // namespace tidewire::tls
