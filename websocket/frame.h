#pragma once

#ifdef Status
#error "Status is a macro (Xlib's): include <tidewire/tidewire.h>, which sets it aside, or Tidewire before Xlib"
#endif

#include <tidewire/core/bytes.h>
#include <tidewire/core/export.h>
#include <array>
#include <cstdint>
#include <string_view>

/// The header in front of each frame (RFC 6455 section 5.2): reading it strictly, writing it.
namespace tidewire::websocket {

/// Which side of the connection this is. Clients mask what they send, servers never (section 5.1).
enum class Role : std::uint8_t { server, client };

enum class Opcode : std::uint8_t {
  continuation = 0x0,
  text = 0x1,
  binary = 0x2,
  close = 0x8,
  ping = 0x9,
  pong = 0xA,
};

[[nodiscard]] constexpr bool is_control(Opcode opcode) noexcept { return opcode >= Opcode::close; }

/// The largest header: two bytes, 64 bits of length, a masking key.
inline constexpr std::size_t max_header_bytes = 14;
/// The largest payload of a Close, Ping or Pong (section 5.5).
inline constexpr std::size_t max_control_payload_bytes = 125;

struct FrameHeader {
  Opcode opcode = Opcode::binary;
  bool fin = true;
  bool rsv1 = false;  ///< Set by an extension on the first frame of a message (RFC 7692: compressed).
  bool masked = false;
  std::uint32_t masking_key = 0;  ///< As its four bytes lie in memory; see mask.h. Meaningless unless masked.
  std::uint64_t payload_bytes = 0;
};

/// Writes a header in its shortest form and returns its size. `to` must have room for `max_header_bytes`,
/// all of which may be written to.
inline std::size_t encode_header(const FrameHeader& header, std::byte* to) noexcept {
  const std::uint8_t mask_bit = header.masked ? 0x80 : 0;
  to[0] = static_cast<std::byte>((header.fin ? 0x80 : 0) | (header.rsv1 ? 0x40 : 0) |
                                 static_cast<std::uint8_t>(header.opcode));
  std::size_t size = 2;
  if (header.payload_bytes <= 125) {
    to[1] = static_cast<std::byte>(mask_bit | header.payload_bytes);
  } else if (header.payload_bytes <= 0xFFFF) {
    to[1] = static_cast<std::byte>(mask_bit | 126);
    store_big_endian(to + 2, static_cast<std::uint16_t>(header.payload_bytes));
    size = 4;
  } else {
    to[1] = static_cast<std::byte>(mask_bit | 127);
    store_big_endian(to + 2, header.payload_bytes);
    size = 10;
  }
  if (header.masked) {
    std::memcpy(to + size, &header.masking_key, 4);
    size += 4;
  }
  return size;
}

/// What a receiver accepts beyond the fixed rules.
struct FrameRules {
  Role receiver = Role::server;  ///< A server takes masked frames only, a client unmasked ones only.
  bool allow_rsv1 = false;       ///< An extension that uses RSV1 on the first frame of a message was negotiated.
};

/// The outcome of `parse_header`: a header with its size, the wish for more bytes, or a violation.
struct HeaderParse {
  enum class Status : std::uint8_t { complete, need_more, violation };
  Status status = Status::need_more;
  std::uint8_t header_bytes = 0;  ///< How much of the input the header took, if complete.
  std::string_view detail;        ///< Which rule was broken, if one was: a literal, fit for a Close's reason.
  FrameHeader header;
};

/// Reads the header at the front of `input`.
///
/// Violations are reported as soon as the bytes that show them are there, so a peer can't hold a connection
/// with half of a header that can never become a good one. They are: a reserved opcode; RSV2 or RSV3; RSV1
/// unless allowed, or on anything but the first frame of a message; a control frame that is fragmented or
/// longer than 125 bytes; the wrong mask bit for the sender's role; a length not in its shortest form, or
/// with the top bit of the 64 set. Whether a continuation has a message to continue is for the caller.
[[nodiscard]] TIDEWIRE_API HeaderParse parse_header(Bytes input, FrameRules rules) noexcept;

}  // namespace tidewire::websocket
