#pragma once

#include <tidewire/bench/idle.h>
#include <tidewire/bench/slow.h>
#include <tidewire/bench/tls.h>
#include <tidewire/bench/workload.h>
#include <tidewire/core/histogram.h>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>

namespace tidewire::bench {

/// Running and waiting for its core together below this share of the time, the server lacked work, and its time per
/// message includes what waking up costs.
inline constexpr double saturated_share = 0.9;
/// Waiting for its core for more than this share, the server had to share it, and its caches with it.
inline constexpr double disturbed_share = 0.05;

/// What open-loop traffic has beside.
struct PacedOutcome {
  double rate = 0;  ///< Messages a second that were asked for.
  /// How late this process sent what was due.
  std::chrono::nanoseconds late_median = {};
  std::chrono::nanoseconds late_p99 = {};
  std::uint64_t unanswered = 0;
};

/// What compressed traffic has beside: means of sizes on the wire, of a text of so many bytes.
struct DeflateOutcome {
  std::string extension;  ///< As the server agreed to it.
  std::size_t text_bytes = 0;
  double request_bytes = 0;
  double reply_bytes = 0;
  double zlib_bytes = 0;  ///< Of a reply, if zlib's level 6 made it.
};

/// What a run of traffic brought, with what was asked of it.
struct TrafficReport {
  std::string workload;  ///< The mode: "echo", "http" and so on.
  std::string message;   ///< What a message is called there: "echoes".
  std::size_t connections = 0;
  std::size_t depth = 0;
  std::size_t request_bytes = 0;  ///< On the wire, of each, before TLS encrypts it.
  std::size_t reply_bytes = 0;
  Window window;
  const Histogram* latency = nullptr;  ///< In nanoseconds; outlives the report.
  std::optional<TlsAgreement> tls;
  std::optional<DeflateOutcome> deflate;
  std::optional<PacedOutcome> paced;
  std::optional<SlowOutcome> slow;
};

/// Some lines to read, with a warning when the figures are worth less than they seem.
void print(std::ostream& out, const TrafficReport& report);
void print(std::ostream& out, const SlowOutcome& slow);
void print(std::ostream& out, const IdleReport& report);

/// The same as a JSON object in one line.
void print_json(std::ostream& out, const TrafficReport& report);
void print_json(std::ostream& out, const IdleReport& report);

}  // namespace tidewire::bench
