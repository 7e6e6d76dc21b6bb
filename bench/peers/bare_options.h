#pragma once

#include <tidewire/bench/canned.h>
#include <string>

namespace tidewire::bench {

/// The command line of a bare server.
struct BareOptions {
  int port = 9001;
  CannedOptions canned;
};

/// False when the process should end with `status`: help was printed, or one line said what is wrong.
[[nodiscard]] bool parse_bare_options(const std::string& program, int argc, char** argv, BareOptions& options,
                                      int& status);

}  // namespace tidewire::bench
