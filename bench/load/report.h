#pragma once

#include <tidewire/bench/process.h>
#include <tidewire/bench/traffic.h>
#include <cstddef>
#include <iosfwd>
#include <string>

namespace tidewire::bench {

/// Running and waiting for its core together below this share of the time, the server lacked work, and its time per
/// message includes what waking up costs.
inline constexpr double saturated_share = 0.9;
/// Waiting for its core for more than this share, the server had to share it, and its caches with it.
inline constexpr double disturbed_share = 0.05;

/// What a run of traffic brought, with what was asked of it.
struct TrafficReport {
  std::string workload;  ///< "echo" or "http".
  std::size_t connections = 0;
  std::size_t depth = 0;
  std::size_t request_bytes = 0;  ///< On the wire, of each.
  std::size_t reply_bytes = 0;
  Window window;
};

/// The server's memory before and after connections were opened that then said nothing.
struct IdleReport {
  std::size_t connections = 0;
  Memory before;
  Memory after;
};

/// Some lines to read, with a warning when the figures are worth less than they seem.
void print(std::ostream& out, const TrafficReport& report);
void print(std::ostream& out, const IdleReport& report);

/// The same as a JSON object in one line.
void print_json(std::ostream& out, const TrafficReport& report);
void print_json(std::ostream& out, const IdleReport& report);

}  // namespace tidewire::bench
