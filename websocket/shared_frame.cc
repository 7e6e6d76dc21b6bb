#include <tidewire/websocket/frame.h>
#include <tidewire/websocket/shared_frame.h>
#include <array>
#include <cassert>

namespace tidewire::websocket {
namespace {

SharedBytes make_frame(MessageType type, bool compressed, Bytes payload) {
  std::array<std::byte, max_header_bytes> header;
  const std::size_t header_bytes = encode_header({.opcode = type == MessageType::text ? Opcode::text : Opcode::binary,
                                                  .rsv1 = compressed,
                                                  .payload_bytes = payload.size()},
                                                 header.data());
  return SharedBytes::make(header_bytes + payload.size(), [&](MutableBytes into) {
    std::memcpy(into.data(), header.data(), header_bytes);
    if (!payload.empty()) std::memcpy(into.data() + header_bytes, payload.data(), payload.size());
  });
}

HeaderParse header_of(Bytes frame) noexcept {
  const HeaderParse parsed = parse_header(frame, {.receiver = Role::client, .allow_rsv1 = true});
  assert(parsed.status == HeaderParse::Status::complete);
  return parsed;
}

}  // namespace

SharedBytes shared_frame(const Message& message) { return make_frame(message.type(), false, message.bytes()); }

Message message_of(const SharedBytes& frame) noexcept {
  const HeaderParse parsed = header_of(frame.view());
  return {parsed.header.opcode == Opcode::text ? MessageType::text : MessageType::binary,
          frame.view().subspan(parsed.header_bytes)};
}

void empty_scratch(Buffer& scratch) noexcept {
  // Of a message of 1 MiB that hardly becomes smaller: a buffer grows by doubling.
  constexpr std::size_t most_kept_bytes = std::size_t{2} << 20;
  scratch.clear();
  if (scratch.capacity() > most_kept_bytes) scratch.release();
}

SharedBytes deflated_frame(const SharedBytes& frame, Deflater& deflater, Buffer& scratch) {
  const Message message = message_of(frame);
  empty_scratch(scratch);
  if (!deflater.compress(message.bytes(), true, scratch) || scratch.size() >= message.size()) return frame;
  return make_frame(message.type(), true, scratch.view());
}

bool has_deflated(const SharedBytes& frames) noexcept {
  for (Bytes rest = frames.view(); !rest.empty();) {
    const HeaderParse parsed = header_of(rest);
    if (parsed.header.rsv1) return true;
    rest = rest.subspan(parsed.header_bytes + static_cast<std::size_t>(parsed.header.payload_bytes));
  }
  return false;
}

}  // namespace tidewire::websocket
