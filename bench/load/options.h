#pragma once

#include <tidewire/bench/frames.h>
#include <tidewire/bench/heads.h>
#include <tidewire/bench/offer.h>
#include <tidewire/bench/tls.h>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

namespace tidewire::bench {

enum class Mode { echo, fanout, http, connect, idle, slow };

/// What the command line asks for, with the defaults.
struct Options {
  Mode mode = Mode::echo;
  std::string host = "127.0.0.1";
  std::uint16_t port = 9001;
  std::string path;  ///< Where the mode's messages are served, unless named.
  std::size_t connections = 100;
  int pid = 0;  ///< The server's process; 0 when unknown.
  bool json = false;
  bool once = false;
  std::chrono::nanoseconds warm_up = std::chrono::milliseconds(500);
  std::chrono::nanoseconds measured = std::chrono::seconds(2);
  std::chrono::nanoseconds hold = std::chrono::seconds(2);

  Content content = Content::ascii;
  std::size_t payload_bytes = 20;
  std::size_t depth = 1;
  Offer offer = Offer::nothing;
  Headers headers = Headers::minimal;
  std::optional<TlsVersion> tls;  ///< None in the clear.
  bool resume = false;            ///< TLS sessions.
  std::optional<double> rate;     ///< Messages a second; none in a closed loop.
  double slow_share = 0.1;
};

/// The options, or the status to exit with when the command line was wrong or asked for help: it has been said then, in
/// one line on stderr or at length on stdout.
[[nodiscard]] std::variant<Options, int> parse_options(int argc, char** argv);

/// The name on the command line, and in reports.
[[nodiscard]] const char* name_of(Mode mode);

}  // namespace tidewire::bench
