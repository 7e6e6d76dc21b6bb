#pragma once

#include <tidewire/core/buffer.h>
#include <tidewire/websocket/deflate.h>
#include <tidewire/websocket/frame.h>
#include <tidewire/websocket/message.h>
#include <tidewire/websocket/pace.h>
#include <tidewire/websocket/spare_assembly.h>
#include <tidewire/websocket/utf8.h>
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

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
  std::uint64_t most_bytes = 0;     ///< The limit on that.
  Pace pace;                        ///< Of the message, or of a frame if it is delivered in pieces.
  Utf8 utf8;

  bool compressed = false;           ///< The message, by permessage-deflate.
  std::size_t unmasked = 0;          ///< Bytes at the front of the input that are unmasked and not inflated yet.
  std::uint64_t inflated_bytes = 0;  ///< What the message has become so far.
  bool yielded = false;              ///< Inflating stopped for the budget; there is more to come of what was given.
  std::optional<Inflater> inflater;  ///< Where messages don't refer to those before them: this message's own.

  /// Nothing is under way: whatever was, has been delivered.
  [[nodiscard]] bool idle() const noexcept { return !in_frame && !in_message && head_bytes == 0; }

  /// Whether the peer owes the rest of what is under way. It does not between the frames of a message that is
  /// delivered in pieces: the next may come when there is something to say.
  [[nodiscard]] bool awaited() const noexcept { return in_frame || head_bytes != 0 || (in_message && !in_pieces); }

  /// The bytes of payload that have come since `pace` began, or before that.
  [[nodiscard]] std::uint64_t received() const noexcept {
    const bool in_data = in_frame && !is_control(frame.opcode);
    if (in_pieces) return in_data ? frame.payload_bytes - remaining : 0;
    return message_bytes - (in_data ? remaining : 0);
  }

  /// All of the frame has come.
  void end_frame() noexcept {
    in_frame = false;
    if (in_pieces) pace = Pace();
  }

  /// Room for `at_least` more bytes of the message. Grows as a Buffer does, but not beyond the end of the message
  /// once that is known, nor beyond the limit: what the largest message took is then worth keeping. Throws
  /// std::bad_alloc.
  [[nodiscard]] MutableBytes room(std::size_t at_least) {
    const std::uint64_t most = frame.fin ? message_bytes : std::max(message_bytes, most_bytes);
    if (payload.spare() < at_least && payload.capacity() > most / 2) {
      payload.reallocate(static_cast<std::size_t>(most));
    }
    return payload.prepare(at_least);
  }

  /// What there is of the message is not wanted any more.
  void discard(SpareAssembly& spare) noexcept {
    spare.put_payload(std::move(payload));
    inflater.reset();
    unmasked = 0;
    yielded = false;
  }

  void reset() noexcept {
    payload.clear();
    head_bytes = control_bytes = 0;
    in_frame = in_message = first = in_pieces = invalid = compressed = yielded = false;
    fragments = 0;
    message_bytes = remaining = inflated_bytes = 0;
    unmasked = 0;
    pace = Pace();
    utf8.reset();
    inflater.reset();
  }
};

}  // namespace tidewire::websocket
