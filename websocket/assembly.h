#pragma once

#include <tidewire/core/buffer.h>
#include <tidewire/websocket/deflate.h>
#include <tidewire/websocket/frame.h>
#include <tidewire/websocket/message.h>
#include <tidewire/websocket/utf8.h>
#include <array>
#include <cstdint>
#include <optional>

namespace tidewire::websocket {

/// What a Protocol holds while a frame or a message is under way between two inputs. Not installed: the
/// rest of the world sees SpareAssembly and no more.
struct Assembly {
  Buffer payload;                                            ///< The message so far, unmasked, inflated and checked.
  std::array<std::byte, max_header_bytes> head{};            ///< The beginning of a header that isn't complete.
  std::array<std::byte, max_control_payload_bytes> control;  ///< The payload of a control frame so far.
  std::uint8_t head_bytes = 0;
  std::uint8_t control_bytes = 0;

  bool in_frame = false;  ///< `frame` has begun and isn't finished; `remaining` of its payload is to come.
  FrameHeader frame;      ///< Its key is rotated as the payload comes, so it fits the next byte.
  std::uint64_t remaining = 0;

  bool in_message = false;  ///< A message has begun, and its last frame isn't finished.
  bool first = false;       ///< No piece of it has been delivered yet.
  bool in_pieces = false;   ///< It is delivered in pieces, so `payload` stays empty.
  bool invalid = false;     ///< Text that was read directly turned out not to be UTF-8.
  MessageType type = MessageType::binary;
  std::uint32_t fragments = 0;
  std::uint64_t message_bytes = 0;  ///< As announced by the headers of its frames so far.
  Utf8 utf8;

  bool compressed = false;           ///< The message, by permessage-deflate.
  std::size_t unmasked = 0;          ///< Bytes at the front of the input that are unmasked and not inflated yet.
  std::uint64_t inflated_bytes = 0;  ///< What the message has become so far.
  std::optional<Inflater> inflater;  ///< Where messages don't refer to those before them: this message's own.

  /// Nothing is under way: whatever was, has been delivered.
  [[nodiscard]] bool idle() const noexcept { return !in_frame && !in_message && head_bytes == 0; }

  /// Room for `at_least` more bytes of the message. Grows as a Buffer does, but not beyond the end of the message
  /// once that is known: what the largest message took is then of its size, and worth keeping. Throws std::bad_alloc.
  [[nodiscard]] MutableBytes room(std::size_t at_least) {
    if (payload.spare() < at_least && frame.fin && payload.capacity() > message_bytes / 2) {
      payload.reallocate(static_cast<std::size_t>(message_bytes));
    }
    return payload.prepare(at_least);
  }

  /// What there is of the message is not wanted any more.
  void discard() noexcept {
    payload.release();
    inflater.reset();
    unmasked = 0;
  }

  void reset() noexcept {
    payload.clear();
    head_bytes = control_bytes = 0;
    in_frame = in_message = first = in_pieces = invalid = compressed = false;
    fragments = 0;
    message_bytes = remaining = inflated_bytes = 0;
    unmasked = 0;
    utf8.reset();
    inflater.reset();
  }
};

}  // namespace tidewire::websocket
