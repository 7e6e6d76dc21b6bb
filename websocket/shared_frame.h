#pragma once

#include <tidewire/core/shared_bytes.h>
#include <tidewire/websocket/message.h>

namespace tidewire::websocket {

/// A whole message as a server sends it, in one frame, to be sent to many. Throws std::bad_alloc.
[[nodiscard]] SharedBytes shared_frame(const Message& message);

}  // namespace tidewire::websocket
