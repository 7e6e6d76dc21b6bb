#include <tidewire/websocket/frame.h>
#include <tidewire/websocket/shared_frame.h>
#include <array>

namespace tidewire::websocket {

SharedBytes shared_frame(const Message& message) {
  std::array<std::byte, max_header_bytes> header;
  const std::size_t header_bytes = encode_header(
      {.opcode = message.is_text() ? Opcode::text : Opcode::binary, .payload_bytes = message.size()}, header.data());
  return SharedBytes::make(header_bytes + message.size(), [&](MutableBytes into) {
    std::memcpy(into.data(), header.data(), header_bytes);
    if (!message.empty()) std::memcpy(into.data() + header_bytes, message.bytes().data(), message.size());
  });
}

}  // namespace tidewire::websocket
