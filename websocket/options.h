#pragma once

#include <tidewire/http/request.h>
#include <tidewire/websocket/decision.h>
#include <tidewire/websocket/deflate_negotiation.h>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidewire::websocket {

/// What happens to a message when more than `max_backpressure` bytes already wait for the peer.
enum class Backpressure : std::uint8_t {
  close,        ///< The connection is closed with 1008, cause `backpressure`: a reader must keep up.
  drop,         ///< The message is dropped; `send` says so.
  keep_latest,  ///< As `drop`, but the last one is kept and sent when the peer has caught up: for states that
                ///< make earlier ones obsolete.
};

/// What a route allows its peers, and how it treats them. The defaults are meant to be safe and to be kept.
struct Options {
  /// Decides whether a request that is a correct handshake may become a connection: at once, or later, from
  /// any thread. Empty: all may.
  std::function<void(const http::Request&, Decision)> authorize = {};

  /// The payload of a message from the peer, all its fragments together and inflated; over it: close 1009.
  std::size_t max_message_size = std::size_t{1} << 20;

  /// The origins whose pages may connect, each exactly as in "https://app.example"; empty: the same origin
  /// only (set `http::ServerOptions::served_names`, too). Requests without Origin don't come from a page, and pass. "*"
  /// lets any page in the world use its visitors' cookies here. See origin.h.
  std::vector<std::string> allowed_origins = {};

  /// Chooses one of the subprotocols that the client offers, in its order of preference; an empty answer is
  /// none of them. Empty: none is ever chosen.
  std::function<std::string_view(const http::Request&, std::span<const std::string_view> offered)> choose_subprotocol =
      {};

  /// Compresses messages with peers that offer it (permessage-deflate, RFC 7692): `.deflate = DeflateOptions{}`.
  /// Off unless asked for: it costs CPU time, and where secrets and what an attacker chooses go through one
  /// compressor, sizes tell about the secrets.
  std::optional<DeflateOptions> deflate = {};

  /// Messages go to `on_fragment` as they arrive, instead of whole to `on_message`. The limits hold all the same.
  bool deliver_fragments = false;
  /// Frames in one message; over it: close 1008.
  std::uint32_t max_fragments = 131'072;

  /// For a message that has begun to come: for all of it, and in each `rate_window` at least `min_bytes_per_second` of
  /// its payload. Otherwise one that never ends would hold up to `max_message_size` for a peer that sends a byte now
  /// and then. After that: close 1008, cause `timeout`. With `deliver_fragments` both hold for each frame, and not
  /// between frames. Headers, pings and pongs are not payload; a header or control frame has one window to be complete.
  /// The clock stands still while the peer is not read from. Zero: no such bound.
  ///
  /// The defaults let 1 MiB pass on a mobile link of 2 KB/s, and a link fall silent for as long as a ping interval.
  /// With a larger `max_message_size`, choose a longer `message_timeout`.
  std::chrono::milliseconds message_timeout{600'000};
  std::uint64_t min_bytes_per_second = 1024;
  std::chrono::milliseconds rate_window{20'000};

  /// A peer that was silent for this long is sent a ping. Zero: never, and a peer that vanished is not noticed.
  std::chrono::milliseconds ping_interval{20'000};
  /// One that is then silent for this long, too, is gone: cause `timeout`.
  std::chrono::milliseconds pong_timeout{20'000};
  /// For the peer's answer to our Close; then the connection is cut.
  std::chrono::milliseconds close_timeout{5'000};

  /// With more than this waiting for the peer, `send` says `queued`, and the peer is not read from: who takes
  /// nothing has nothing to ask for. `on_drain` follows when half of it is left.
  std::size_t high_water_mark = 64 * 1024;
  /// With more than this waiting, `backpressure` decides. A message counts before it is compressed; one that goes to
  /// many, as it is on the wire. What waits takes at most half as much memory again, and 512 KiB, however small the
  /// messages are.
  std::size_t max_backpressure = std::size_t{1} << 20;
  Backpressure backpressure = Backpressure::close;
};

}  // namespace tidewire::websocket
