#include <tidewire/websocket/message.h>

namespace tidewire::websocket {

std::string_view name(Cause cause) noexcept {
  switch (cause) {
    case Cause::peer_closed:
      return "peer_closed";
    case Cause::local_closed:
      return "local_closed";
    case Cause::protocol_error:
      return "protocol_error";
    case Cause::too_large:
      return "too_large";
    case Cause::timeout:
      return "timeout";
    case Cause::connection_lost:
      return "connection_lost";
    case Cause::backpressure:
      return "backpressure";
    case Cause::handler_exception:
      return "handler_exception";
    case Cause::shutdown:
      return "shutdown";
    case Cause::out_of_memory:
      return "out_of_memory";
  }
  return "unknown";
}

}  // namespace tidewire::websocket
