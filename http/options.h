#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tidewire::http {

/// What a server allows its clients. Every bound is there because somebody was attacked without it.
struct ServerOptions {
  /// The request line and all header fields; over it: 431. The target alone: 414.
  std::size_t max_head_bytes = 16 * 1024;
  std::size_t max_target_bytes = 8 * 1024;
  /// Header fields; over it: 431.
  std::size_t max_header_fields = 100;
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

  /// An answer in pieces: above this `write` says `queued`...
  std::size_t high_water_bytes = 64 * 1024;
  /// ...and above this the connection is closed.
  std::size_t max_backpressure_bytes = std::size_t{1} << 20;
};

}  // namespace tidewire::http
