#pragma once

#include <tidewire/bench/connect.h>
#include <tidewire/bench/exchange.h>
#include <tidewire/bench/process.h>
#include <tidewire/bench/tls.h>
#include <tidewire/core/result.h>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

namespace tidewire::bench {

/// The server's memory before and after connections were opened that then said nothing.
struct IdleReport {
  std::size_t connections = 0;
  Memory before;
  Memory after;
  std::size_t echoes = 0;  ///< Of each connection, in the end.
  Memory after_echoes;
  std::optional<TlsAgreement> tls = {};
};

/// Opens WebSocket connections that say nothing, and reads the server's memory before and after. A first connection
/// comes and goes beforehand: the code and the loop's buffers that it brings into memory are no cost of a connection.
/// Before each reading, nothing happens for `hold`. The connections count only if they are still of use: in the end
/// each has to echo one batch, and is idle again for a last reading. Compression is offered if the exchange is
/// compressed.
[[nodiscard]] Result<IdleReport> measure_idle(const Endpoint& endpoint, std::string_view path, std::size_t connections,
                                              const Exchange& exchange, const Process& server,
                                              std::chrono::nanoseconds hold);

}  // namespace tidewire::bench
