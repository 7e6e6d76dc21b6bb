#include <tidewire/bench/idle.h>
#include <tidewire/bench/traffic.h>
#include <thread>
#include <vector>

namespace tidewire::bench {
namespace {

Result<void> use_once(std::vector<Connection>& connections, const Exchange& exchange) {
  if (auto made = make_non_blocking(connections); !made) return made;
  auto traffic = Traffic::over(connections, exchange);
  if (!traffic) return traffic.error();
  return (*traffic)->run_once();
}

}  // namespace

Result<IdleReport> measure_idle(const Endpoint& endpoint, std::string_view path, std::size_t connections,
                                const Exchange& exchange, const Process& server, std::chrono::nanoseconds hold) {
  const Offer offer = exchange.deflated ? exchange.deflated->offer() : Offer::nothing;
  {
    auto first = open_websockets(endpoint, path, 1, offer);
    if (!first) return first.error();
    if (auto used = use_once(*first, exchange); !used) return used.error();
  }
  std::this_thread::sleep_for(hold);
  const auto before = server.memory();
  if (!before) return before.error();
  auto opened = open_websockets(endpoint, path, connections, offer);
  if (!opened) return opened.error();
  std::this_thread::sleep_for(hold);
  const auto after = server.memory();
  if (!after) return after.error();
  if (auto used = use_once(*opened, exchange); !used) return used.error();
  std::this_thread::sleep_for(hold);
  const auto after_echoes = server.memory();
  if (!after_echoes) return after_echoes.error();
  return IdleReport{connections, *before, *after, exchange.depth, *after_echoes};
}

}  // namespace tidewire::bench
