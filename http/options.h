#pragma once

#include <tidewire/core/export.h>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tidewire::http {

/// What a server allows its clients. Every bound is there because somebody was attacked without it.
struct ServerOptions {
  /// The request line and all header fields; over it: 431. The target alone: 414.
  std::size_t max_head_bytes = 16 * 1024;
  std::size_t max_target_bytes = 8 * 1024;
  /// Header fields; over it: 431.
  std::size_t max_header_fields = 100;
  /// The names that the server serves; requests for others get 421 (Misdirected Request, RFC 9110 15.5.20),
  /// upgrades included, and so do requests that name none, which HTTP/1.0 allows. Empty: every name, the default,
  /// since a server cannot know its own. Set it wherever browsers reach the server, on a local network and this machine
  /// above all: it is what stops DNS rebinding, which the same-origin check does not
  /// (docs/explanation/served-names.md).
  ///
  /// "example.org", "*.example.org" (one label in place of the '*'), "192.0.2.1", "[2001:db8::1]"; case and a dot at
  /// the end do not matter. With ":8080" at the end it is served on that port alone, where a Host without a port means
  /// 80, or 443 over TLS; without, on every port. Behind a proxy that rewrites Host these are the names that it sends.
  /// A malformed name makes `listen` fail.
  std::vector<std::string> served_names = {};

  /// A request's body, which is collected before the handler runs; over it: 413.
  std::uint64_t max_body_bytes = std::uint64_t{1} << 20;

  /// For a request's head, from the accept, and from the first byte of each later request; then 408.
  std::chrono::milliseconds head_timeout{10'000};
  /// How long a connection may stay open between requests.
  std::chrono::milliseconds keep_alive_timeout{60'000};
  /// A body that arrives, or an answer that is taken, more slowly than this over a whole window ends the
  /// connection (408, or none): neither side may be trickled.
  std::uint64_t min_bytes_per_second = 1024;
  std::chrono::milliseconds rate_window{10'000};
  /// How long what a client still sends is read and dropped after our last answer, so that the answer isn't
  /// lost to a reset.
  std::chrono::milliseconds linger_timeout{2'000};
  /// And how much at the most: what may have been under way before the client could read the answer, which is what
  /// the buffers of both systems hold (10 MiB on Linux).
  std::size_t max_linger_bytes = std::size_t{16} << 20;

  /// An answer in pieces: above this `write` says `queued`...
  std::size_t high_water_bytes = 64 * 1024;
  /// ...and above this the connection is closed.
  std::size_t max_backpressure_bytes = std::size_t{1} << 20;
};

}  // namespace tidewire::http
