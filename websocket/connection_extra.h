#pragma once

#include <tidewire/core/buffer.h>
#include <tidewire/core/loop.h>
#include <tidewire/core/shared_bytes.h>
#include <tidewire/websocket/close_code.h>
#include <tidewire/websocket/deflate.h>
#include <tidewire/websocket/handle.h>
#include <tidewire/websocket/handle_state.h>
#include <tidewire/websocket/message.h>
#include <tidewire/websocket/topics_state.h>
#include <optional>
#include <string>
#include <vector>

namespace tidewire::websocket {

/// How a connection ends: what on_close will be told.
struct Farewell {
  Cause cause = Cause::out_of_memory;
  CloseCode code = CloseCode::internal_error;
  std::string reason;
  std::string detail;
};

/// The texts that messages may refer to, where takeover was agreed: there from the first use on.
struct DeflateWindows {
  std::optional<Deflater> own;
  std::optional<Inflater> peer;
};

/// What a connection needs now and then, so that one that only sends and receives does without.
struct ConnectionExtra {
  std::string subprotocol;
  std::shared_ptr<HandleState> handle;
  std::vector<Membership> memberships;
  std::vector<SharedBytes> held;  // Messages that wait for the end of one in parts.
  std::size_t held_bytes = 0;     // The memory that they take.
  SharedBytes latest;             // For Backpressure::keep_latest: the one that is sent when the peer catches up.
  std::optional<Buffer> pong;     // The payload of the last ping that could not be answered yet.
  std::unique_ptr<DeflateWindows> windows;
  Farewell farewell;
  std::size_t dropped_bytes = 0;  // What has come since the end.
};

}  // namespace tidewire::websocket
