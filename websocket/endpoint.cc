#include <tidewire/transport/loop_buffers.h>
#include <tidewire/websocket/endpoint.h>
#include <tidewire/websocket/publications.h>

namespace tidewire::websocket {
namespace {

constexpr DeflateOptions usual_deflate;

/// One for all the connections of a loop.
struct LoopSpare {
  explicit LoopSpare(Loop&) {}
  SpareAssembly spare;
  Buffer deflated;
};

}  // namespace

Endpoint::Endpoint(Loop& on, Options with, ConnectionFactory make)
    : loop(on),
      options(std::move(with)),
      limits{.max_message_bytes = options.max_message_size,
             .max_fragments = options.max_fragments,
             .deliver_fragments = options.deliver_fragments},
      make_connection(std::move(make)),
      deflate_from_bytes(options.deflate ? options.deflate->threshold_bytes : SIZE_MAX),
      spare(on.local<LoopSpare>().spare),
      deflated(on.local<LoopSpare>().deflated),
      held(on.local<transport::LoopBuffers>().held),
      publications(on.local<Publications>()) {}

DeflateSettings Endpoint::deflate_settings(const DeflateAgreement& agreement) const noexcept {
  const DeflateOptions& wanted = options.deflate ? *options.deflate : usual_deflate;
  return {.takeover = agreement.own_takeover,
          .window_bits = agreement.own_window_bits,
          .level = static_cast<std::uint8_t>(wanted.level),
          .keep_compressor = wanted.keep_compressor,
          .memory_level = static_cast<std::uint8_t>(wanted.memory_level)};
}

}  // namespace tidewire::websocket
