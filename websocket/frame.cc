#include <tidewire/websocket/frame.h>

namespace tidewire::websocket {
namespace {

constexpr unsigned fin_bit = 0x80;
constexpr unsigned rsv1_bit = 0x40;
constexpr unsigned rsv2_and_rsv3_bits = 0x30;
constexpr unsigned mask_bit = 0x80;
constexpr unsigned length_follows_in_16_bits = 126;
constexpr unsigned length_follows_in_64_bits = 127;

HeaderParse violation(std::string_view detail) noexcept {
  return {.status = HeaderParse::Status::violation, .detail = detail, .header = {}};
}

// What is wrong with the first byte; empty if nothing.
std::string_view fault_in_first_byte(unsigned byte, bool allow_rsv1) noexcept {
  const unsigned opcode = byte & 0x0F;
  if (byte & rsv2_and_rsv3_bits) return "reserved bit set";
  if ((opcode > 0x2 && opcode < 0x8) || opcode > 0xA) return "reserved opcode";
  if (byte & rsv1_bit) {
    if (!allow_rsv1) return "reserved bit set";
    // RFC 7692 section 6: only the first frame of a message has the bit, and control frames never.
    if (opcode != 0x1 && opcode != 0x2) return "RSV1 on other than the first frame of a message";
  }
  if (opcode >= 0x8 && !(byte & fin_bit)) return "fragmented control frame";
  return {};
}

}  // namespace

HeaderParse parse_header(Bytes input, FrameRules rules) noexcept {
  HeaderParse parsed;
  if (input.empty()) return parsed;
  const auto first = std::to_integer<unsigned>(input[0]);
  if (const auto fault = fault_in_first_byte(first, rules.allow_rsv1); !fault.empty()) return violation(fault);
  if (input.size() < 2) return parsed;

  FrameHeader& header = parsed.header;
  header.fin = (first & fin_bit) != 0;
  header.rsv1 = (first & rsv1_bit) != 0;
  header.opcode = static_cast<Opcode>(first & 0x0F);
  const auto second = std::to_integer<unsigned>(input[1]);
  header.masked = (second & mask_bit) != 0;
  // Section 5.1: a server MUST close upon an unmasked frame, a client upon a masked one.
  if (header.masked != (rules.receiver == Role::server)) {
    return violation(header.masked ? "masked frame from a server" : "unmasked frame from a client");
  }

  const unsigned length = second & 0x7F;
  if (is_control(header.opcode) && length > max_control_payload_bytes) {
    return violation("control frame longer than 125 bytes");
  }
  std::size_t size = 2;
  if (length == length_follows_in_16_bits) {
    if (input.size() < 4) return parsed;
    header.payload_bytes = load_big_endian<std::uint16_t>(input.data() + 2);
    if (header.payload_bytes <= 125) return violation("length not in its shortest form");
    size = 4;
  } else if (length == length_follows_in_64_bits) {
    if (input.size() < 10) return parsed;
    header.payload_bytes = load_big_endian<std::uint64_t>(input.data() + 2);
    // Section 5.2: "the most significant bit MUST be 0".
    if (header.payload_bytes >> 63 != 0) return violation("length of more than 63 bits");
    if (header.payload_bytes <= 0xFFFF) return violation("length not in its shortest form");
    size = 10;
  } else {
    header.payload_bytes = length;
  }
  if (header.masked) {
    if (input.size() < size + 4) return parsed;
    header.masking_key = load_native<std::uint32_t>(input.data() + size);
    size += 4;
  }
  parsed.status = HeaderParse::Status::complete;
  parsed.header_bytes = static_cast<std::uint8_t>(size);
  return parsed;
}

}  // namespace tidewire::websocket
