#pragma once

#include <tidewire/core/buffer.h>
#include <tidewire/core/shared_bytes.h>
#include <tidewire/websocket/deflate.h>
#include <tidewire/websocket/message.h>

namespace tidewire::websocket {

/// A whole message as a server sends it, in one frame, to be sent to many. Throws std::bad_alloc.
[[nodiscard]] SharedBytes shared_frame(const Message& message);

/// The message of such a frame; a view.
[[nodiscard]] Message message_of(const SharedBytes& frame) noexcept;

/// Empties a buffer to compress into. Memory that an uncommonly large message took is not kept.
void empty_scratch(Buffer& scratch) noexcept;

/// The same message in a compressed frame, by a deflater without takeover, through `scratch`; or the frame itself if
/// that is no larger, or memory is short. Throws std::bad_alloc.
[[nodiscard]] SharedBytes deflated_frame(const SharedBytes& frame, Deflater& deflater, Buffer& scratch);

/// Whether one of such frames, which follow each other, is compressed.
[[nodiscard]] bool has_deflated(const SharedBytes& frames) noexcept;

}  // namespace tidewire::websocket
