#include <tidewire/transport/loop_buffers.h>
#include <tidewire/websocket/endpoint.h>
#include <tidewire/websocket/publications.h>

namespace tidewire::websocket {
namespace {

/// One for all the connections of a loop.
struct LoopSpare {
  explicit LoopSpare(Loop&) {}
  SpareAssembly spare;
};

}  // namespace

Endpoint::Endpoint(Loop& on, Options with, ConnectionFactory make)
    : loop(on),
      options(std::move(with)),
      limits{.max_message_bytes = options.max_message_size,
             .max_fragments = options.max_fragments,
             .deliver_fragments = options.deliver_fragments},
      make_connection(std::move(make)),
      spare(on.local<LoopSpare>().spare),
      held(on.local<transport::LoopBuffers>().held),
      publications(on.local<Publications>()) {}

}  // namespace tidewire::websocket
