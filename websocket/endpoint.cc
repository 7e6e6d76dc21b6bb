#include <tidewire/transport/loop_buffers.h>
#include <tidewire/websocket/endpoint.h>
#include <tidewire/websocket/publications.h>
#include <algorithm>

namespace tidewire::websocket {
namespace {

constexpr DeflateOptions usual_deflate;

PaceBounds pace_of(const Options& options) noexcept {
  PaceBounds bounds;
  if (options.message_timeout.count() > 0) bounds.timeout = Loop::ticks(options.message_timeout);
  if (options.min_bytes_per_second == 0 || options.rate_window.count() <= 0) return bounds;
  const auto window_ms = static_cast<std::uint64_t>(options.rate_window.count());
  bounds.window = Loop::ticks(options.rate_window);
  bounds.window_bytes = std::min(options.min_bytes_per_second, UINT64_MAX / window_ms) * window_ms / 1000;
  return bounds;
}

/// One for all the connections of a loop.
struct LoopSpare {
  explicit LoopSpare(Loop&) {}
  SpareAssembly spare{0};  // The routes say how much it keeps.
  Buffer deflated;
};

}  // namespace

Endpoint::Endpoint(Loop& on, Options with, ConnectionFactory make)
    : loop(on),
      options(std::move(with)),
      limits{.max_message_bytes = options.max_message_size,
             .max_fragments = options.max_fragments,
             .deliver_fragments = options.deliver_fragments},
      pace_bounds(pace_of(options)),
      make_connection(std::move(make)),
      deflate_from_bytes(options.deflate ? options.deflate->threshold_bytes : SIZE_MAX),
      spare(on.local<LoopSpare>().spare),
      deflated(on.local<LoopSpare>().deflated),
      held(on.local<transport::LoopBuffers>().held),
      publications(on.local<Publications>()) {
  spare.keep_up_to(limits.max_message_bytes);
}

DeflateSettings Endpoint::deflate_settings(const DeflateAgreement& agreement) const noexcept {
  const DeflateOptions& wanted = options.deflate ? *options.deflate : usual_deflate;
  return {.takeover = agreement.own_takeover,
          .window_bits = agreement.own_window_bits,
          .level = static_cast<std::uint8_t>(wanted.level),
          .keep_compressor = wanted.keep_compressor,
          .memory_level = static_cast<std::uint8_t>(wanted.memory_level)};
}

}  // namespace tidewire::websocket
