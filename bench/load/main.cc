// The load generator: keeps a server on this machine busy, checks its answers, and says what each cost it.

#include <tidewire/bench/connect.h>
#include <tidewire/bench/exchange.h>
#include <tidewire/bench/fanout.h>
#include <tidewire/bench/idle.h>
#include <tidewire/bench/lives.h>
#include <tidewire/bench/options.h>
#include <tidewire/bench/paced.h>
#include <tidewire/bench/report.h>
#include <tidewire/bench/slow.h>
#include <tidewire/bench/traffic.h>
#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace tidewire;
using namespace tidewire::bench;

TrafficReport report_on(const Options& options, const char* message, const Exchange& exchange) {
  TrafficReport report = {.workload = name_of(options.mode),
                          .message = message,
                          .connections = options.connections,
                          .depth = options.depth,
                          .request_bytes = exchange.batch.size() / exchange.depth,
                          .reply_bytes = exchange.reply.size(),
                          .window = {},
                          .tls = {},
                          .deflate = {},
                          .paced = {},
                          .slow = {}};
  if (!exchange.deflated) return report;
  const DeflatedEchoes& deflated = *exchange.deflated;
  report.deflate = {.extension = deflated.extension(),
                    .text_bytes = deflated.text_bytes(),
                    .request_bytes = deflated.request_bytes(),
                    .zlib_bytes = deflated.zlib_bytes()};
  report.request_bytes = static_cast<std::size_t>(std::llround(deflated.request_bytes()));
  return report;
}

/// Right answers first: figures of a server that answers wrongly are worth nothing. The rest of the report is filled in
/// by the caller; with --once there is none.
std::optional<TrafficReport> run(Workload& workload, const Options& options, const Endpoint& endpoint,
                                 TrafficReport report) {
  std::optional<Process> server;
  if (options.pid != 0) server = Process::find(options.pid).value();
  workload.run_once().value();
  if (options.once) {
    std::cout << report.workload << ": " << report.connections << " connections, " << workload.messages() << " right "
              << report.message << '\n';
    return std::nullopt;
  }
  report.window = measure(workload, options.warm_up, options.measured, server).value();
  report.latency = &workload.latency();
  if (endpoint.tls != nullptr) report.tls = endpoint.tls->agreement();
  if (report.deflate) {
    report.deflate->reply_bytes =
        static_cast<double>(report.window.reply_bytes) / static_cast<double>(report.window.messages);
    report.reply_bytes = static_cast<std::size_t>(std::llround(report.deflate->reply_bytes));
  }
  return report;
}

template <class Report>
void show(const Options& options, const Report& report) {
  options.json ? print_json(std::cout, report) : print(std::cout, report);
}

/// Over connections that each exchange the same, in a closed or an open loop.
void run_exchange(const Options& options, const Endpoint& endpoint, const char* message, const Exchange& exchange,
                  std::vector<Connection> connections) {
  make_non_blocking(connections).value();
  const TrafficReport asked = report_on(options, message, exchange);
  if (!options.rate) {
    const auto traffic = Traffic::over(connections, exchange).value();
    if (const auto report = run(*traffic, options, endpoint, asked)) show(options, *report);
    return;
  }
  const auto paced = Paced::over(connections, exchange, *options.rate).value();
  if (auto report = run(*paced, options, endpoint, asked)) {
    const auto late = [&](double quantile) {
      return std::chrono::nanoseconds(paced->lateness().value_at_quantile(quantile));
    };
    report->paced = {
        .rate = *options.rate, .late_median = late(0.5), .late_p99 = late(0.99), .unanswered = paced->unanswered()};
    show(options, *report);
  }
}

Exchange echoes(const Options& options) {
  return echo_exchange(options.content, options.payload_bytes, options.depth).value();
}

/// What compressed requests look like depends on what the server agrees to.
Exchange echoes_as_offered(const Options& options, const Endpoint& endpoint) {
  if (options.offer == Offer::nothing) return echoes(options);
  const std::string extension = agreed_extension(endpoint, options.path, options.offer).value();
  return deflated_exchange(options.content, options.payload_bytes, options.depth, options.offer, extension).value();
}

void run_echo(const Options& options, const Endpoint& endpoint) {
  const Exchange exchange = echoes_as_offered(options, endpoint);
  run_exchange(options, endpoint, "echoes", exchange,
               open_websockets(endpoint, options.path, options.connections, options.offer).value());
}

void run_http(const Options& options, const Endpoint& endpoint) {
  const Exchange exchange = http_exchange(endpoint, options.path, options.headers, options.depth).value();
  run_exchange(options, endpoint, "responses", exchange, open_connections(endpoint, options.connections).value());
}

void run_fanout(const Options& options, const Endpoint& endpoint) {
  const Exchange exchange = echoes(options);
  auto connections = open_websockets(endpoint, options.path, options.connections + 1).value();
  make_non_blocking(connections).value();
  const auto fanout = Fanout::over(connections, exchange).value();
  if (const auto report = run(*fanout, options, endpoint, report_on(options, "deliveries", exchange)))
    show(options, *report);
}

void run_connect(const Options& options, const Endpoint& endpoint) {
  const auto lives = Lives::with(endpoint, options.path, options.connections).value();
  if (auto report = run(*lives, options, endpoint, report_on(options, "connections opened and closed", Exchange()))) {
    report->request_bytes = lives->request_bytes();
    report->reply_bytes = lives->reply_bytes();
    show(options, *report);
  }
}

void run_slow(const Options& options, const Endpoint& endpoint) {
  const Exchange exchange = echoes(options);
  const auto wanted = std::llround(options.slow_share * static_cast<double>(options.connections));
  const std::size_t slow = std::clamp<std::size_t>(static_cast<std::size_t>(wanted), 1, options.connections - 1);
  auto connections = open_websockets(endpoint, options.path, options.connections).value();
  make_non_blocking(connections).value();
  const auto readers = SlowReaders::among(connections, slow, exchange).value();
  if (auto report = run(*readers, options, endpoint, report_on(options, "echoes", exchange))) {
    report->slow = readers->outcome();
    show(options, *report);
  } else {
    print(std::cout, readers->outcome());
  }
}

void run_idle(const Options& options, const Endpoint& endpoint) {
  const Process server = Process::find(options.pid).value();
  const Exchange exchange = echoes_as_offered(options, endpoint);
  auto report = measure_idle(endpoint, options.path, options.connections, exchange, server, options.hold).value();
  if (endpoint.tls != nullptr) report.tls = endpoint.tls->agreement();
  show(options, report);
}

void run_mode(const Options& options) {
  Endpoint endpoint = loopback_endpoint(options.host, options.port).value();
  std::unique_ptr<TlsClient> tls;
  if (options.tls) {
    tls = TlsClient::create(*options.tls, options.resume).value();
    endpoint.tls = tls.get();
  }
  allow_open_files(options.connections + 32).value();
  switch (options.mode) {
    case Mode::echo:
      return run_echo(options, endpoint);
    case Mode::fanout:
      return run_fanout(options, endpoint);
    case Mode::http:
      return run_http(options, endpoint);
    case Mode::connect:
      return run_connect(options, endpoint);
    case Mode::idle:
      return run_idle(options, endpoint);
    case Mode::slow:
      return run_slow(options, endpoint);
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto options = parse_options(argc, argv);
    if (const int* status = std::get_if<int>(&options)) return *status;
    run_mode(std::get<Options>(options));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "load: " << error.what() << '\n';
    return 1;
  }
}
