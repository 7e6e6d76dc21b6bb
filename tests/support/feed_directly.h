#pragma once

#include <tidewire/core/bytes.h>
#include <tidewire/websocket/protocol.h>
#include <algorithm>

namespace tidewire::testing {

/// Gives a protocol bytes in steps as an owner that reads does: into the space that it has for them, and what it has
/// none for by `feed`, which is also called with nothing when such a space was filled.
template <class Feed>
void feed_directly(websocket::Protocol& protocol, Bytes bytes, std::size_t step, Feed feed) {
  while (!bytes.empty()) {
    const MutableBytes space = protocol.receive_space(1);
    const std::size_t count = std::min({bytes.size(), step, space.empty() ? step : space.size()});
    if (space.empty()) {
      feed(bytes.first(count));
    } else {
      std::copy_n(bytes.begin(), count, space.begin());
      protocol.commit_received(count);
      feed(Bytes());
    }
    bytes = bytes.subspan(count);
  }
}

}  // namespace tidewire::testing
