// The load generator: keeps a server on this machine busy, checks its answers, and says what each cost it.

#include <tidewire/bench/connect.h>
#include <tidewire/bench/exchange.h>
#include <tidewire/bench/process.h>
#include <tidewire/bench/report.h>
#include <tidewire/bench/traffic.h>
#include <chrono>
#include <CLI/CLI.hpp>
#include <iostream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace tidewire;
using namespace tidewire::bench;

struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 9001;
  std::string path;
  std::size_t connections = 100;
  int pid = 0;
  bool json = false;

  std::size_t depth = 1;
  std::size_t payload_bytes = 20;
  std::string content = "ascii";
  bool once = false;
  double warm_up_seconds = 0.5;
  double seconds = 2;
  double hold_seconds = 2;
};

std::chrono::nanoseconds duration(double seconds) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
}

std::optional<Process> server_process(const Options& options) {
  if (options.pid == 0) return std::nullopt;
  return Process::find(options.pid).value();
}

Result<void> run_traffic(const Options& options, const char* workload, const Exchange& exchange,
                         const std::vector<Descriptor>& connections) {
  make_non_blocking(connections).value();
  Traffic traffic = Traffic::over(connections, exchange).value();
  // Right answers first: figures of a server that answers wrongly are worth nothing.
  if (auto right = traffic.run_once(); !right) return right;
  if (options.once) {
    std::cout << workload << ": " << connections.size() << " connections, " << connections.size() * exchange.depth
              << " right replies\n";
    return {};
  }
  auto window = traffic.run(duration(options.warm_up_seconds), duration(options.seconds), server_process(options));
  if (!window) return window.error();
  const TrafficReport report = {.workload = workload,
                                .connections = connections.size(),
                                .depth = exchange.depth,
                                .request_bytes = exchange.batch.size() / exchange.depth,
                                .reply_bytes = exchange.reply.size(),
                                .window = *window};
  options.json ? print_json(std::cout, report) : print(std::cout, report);
  return {};
}

Result<void> run_echo(const Options& options, const Endpoint& endpoint) {
  const Content content = *content_named(options.content);
  const Exchange exchange = echo_exchange(content, options.payload_bytes, options.depth).value();
  return run_traffic(options, "echo", exchange, open_websockets(endpoint, options.path, options.connections).value());
}

Result<void> run_http(const Options& options, const Endpoint& endpoint) {
  const Exchange exchange = http_exchange(endpoint, options.path, options.depth).value();
  return run_traffic(options, "http", exchange, open_connections(endpoint, options.connections).value());
}

Result<void> run_idle(const Options& options, const Endpoint& endpoint) {
  const Process server = Process::find(options.pid).value();
  const Exchange exchange = echo_exchange(Content::ascii, options.payload_bytes, 1).value();
  {
    // What the server's first connection brings into memory, code and buffers of the loop, is no cost of a connection.
    const auto first = open_websockets(endpoint, options.path, 1).value();
    make_non_blocking(first).value();
    Traffic traffic = Traffic::over(first, exchange).value();
    if (auto right = traffic.run_once(); !right) return right;
  }
  const auto settle = duration(options.hold_seconds);
  std::this_thread::sleep_for(settle);
  const Memory before = server.memory().value();
  const auto connections = open_websockets(endpoint, options.path, options.connections).value();
  std::this_thread::sleep_for(settle);
  const IdleReport report = {.connections = connections.size(), .before = before, .after = server.memory().value()};

  // They count only if they are still of use.
  make_non_blocking(connections).value();
  Traffic traffic = Traffic::over(connections, exchange).value();
  if (auto right = traffic.run_once(); !right) return right;
  options.json ? print_json(std::cout, report) : print(std::cout, report);
  return {};
}

CLI::App& add_mode(CLI::App& app, Options& options, const std::string& name, const std::string& what) {
  CLI::App& mode = *app.add_subcommand(name, what);
  mode.add_option("--host", options.host, "an address in 127.0.0.0/8")->capture_default_str();
  mode.add_option("--port", options.port, "the server's TCP port")->check(CLI::Range(1, 65535))->capture_default_str();
  mode.add_option("--path", options.path, name == "http" ? "[/plaintext]" : "[/echo]");
  mode.add_option("--connections", options.connections, "open at a time")
      ->check(CLI::Range(std::size_t{1}, std::size_t{60000}))
      ->capture_default_str();
  mode.add_option("--pid", options.pid, "the server's process, whose CPU time and memory are read")
      ->check(CLI::PositiveNumber);
  mode.add_flag("--json", options.json, "report as JSON");
  return mode;
}

void add_traffic_options(CLI::App& mode, Options& options) {
  mode.add_option("--depth", options.depth, "requests in flight on each connection, sent together")
      ->check(CLI::Range(std::size_t{1}, max_depth))
      ->capture_default_str();
  mode.add_flag("--once", options.once, "one batch on each connection, every reply compared; measures nothing");
  mode.add_option("--seconds", options.seconds, "to measure")->check(CLI::Range(0.1, 10.0))->capture_default_str();
  mode.add_option("--warm-up-seconds", options.warm_up_seconds, "before measuring")
      ->check(CLI::Range(0.0, 5.0))
      ->capture_default_str();
}

void add_payload_size(CLI::App& mode, Options& options) {
  mode.add_option("--payload-bytes", options.payload_bytes, "size of every message")
      ->check(CLI::Range(std::size_t{0}, std::size_t{16} << 20))
      ->capture_default_str();
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app("Keeps a server on this machine busy, checks its answers, and says what each cost it.", "load");
  app.require_subcommand(1);
  CLI::App& echo = add_mode(app, options, "echo", "WebSocket messages that come back");
  add_traffic_options(echo, options);
  add_payload_size(echo, options);
  echo.add_option("--content", options.content, "what messages consist of")
      ->check(CLI::IsMember(content_names()))
      ->capture_default_str();
  CLI::App& http = add_mode(app, options, "http", "GET requests");
  add_traffic_options(http, options);
  CLI::App& idle = add_mode(app, options, "idle", "WebSocket connections that say nothing: what memory each costs");
  idle.get_option("--pid")->required();
  add_payload_size(idle, options);
  idle.add_option("--hold-seconds", options.hold_seconds, "before the memory is read")
      ->check(CLI::Range(0.0, 10.0))
      ->capture_default_str();
  app.failure_message(
      [](const CLI::App*, const CLI::Error& error) { return "load: " + std::string(error.what()) + "\n"; });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }

  const Endpoint endpoint = loopback_endpoint(options.host, options.port).value();
  allow_open_files(options.connections + 16).value();
  if (options.path.empty()) options.path = http.parsed() ? "/plaintext" : "/echo";
  Result<void> result = echo.parsed()   ? run_echo(options, endpoint)
                        : http.parsed() ? run_http(options, endpoint)
                                        : run_idle(options, endpoint);
  result.value();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "load: " << error.what() << '\n';
    return 1;
  }
}
