/// Echoes WebSocket messages on /echo, passes each on to all on /broadcast, and serves GET /plaintext: what
/// benchmarks, conformance suites and first attempts with a client want.
#include <listening.h>
#include <program.h>
#include <tidewire/tidewire.h>
#include <chrono>
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <string>

using namespace tidewire;
using namespace std::chrono_literals;

namespace {

struct Echo final : websocket::Handler {
  void on_message(websocket::Connection& peer, const websocket::Message& message) override { peer.send(message); }
};

class Broadcast final : public websocket::Handler {
 public:
  explicit Broadcast(websocket::Topics& topics) noexcept : topics_(topics) {}
  void on_open(websocket::Connection& peer) override { topics_.subscribe(peer, "everyone"); }
  void on_message(websocket::Connection&, const websocket::Message& message) override {
    topics_.publish("everyone", message);
  }

 private:
  websocket::Topics& topics_;
};

struct Settings {
  examples::Listening where{.port = 9001};
  std::size_t max_message_size = std::size_t{1} << 20;
  bool libuv = false;
  bool deflate = false;
  bool takeover = false;
  bool frugal_takeover = false;
};

int serve(const Settings& settings) {
  Loop loop(settings.libuv ? Polling::libuv : Polling::native);
  websocket::Topics topics(loop);
  http::Server server(loop);
  websocket::Options options{.max_message_size = settings.max_message_size};
  if (settings.deflate) options.deflate = websocket::DeflateOptions{};
  if (settings.takeover) options.deflate = websocket::DeflateOptions::with_takeover();
  if (settings.frugal_takeover) options.deflate = websocket::DeflateOptions::with_frugal_takeover();
  websocket::route<Echo>(server, "/echo", options);
  websocket::route<Broadcast>(server, "/broadcast", options, topics);
  server.get("/plaintext", [](const http::Request&, http::Response& response) { response.send("Hello, World!"); });

  const auto address = examples::listen(server, settings.where);
  if (!address) return examples::cannot_listen("echo_server", address.error());
  loop.on_signal({SIGINT, SIGTERM}, [&] { server.drain(10s, [&] { loop.stop(); }); }).value();
  std::printf("echo_server listens on %s\n", address->to_string().c_str());
  std::fflush(stdout);
  loop.run();
  std::printf("echo_server has finished\n");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app("WebSocket echo on /echo, broadcast on /broadcast, and GET /plaintext.", "echo_server");
  settings.where.add_flags(app);
  app.add_option("--max-message-size", settings.max_message_size, "largest message taken, in bytes")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("--deflate", settings.deflate, "compress messages with clients that offer permessage-deflate");
  app.add_flag("--takeover", settings.takeover, "the same, and let messages refer to earlier ones");
  app.add_flag("--frugal-takeover", settings.frugal_takeover,
               "the same, keeping the least memory for each client, for a larger output");
  app.add_flag("--libuv", settings.libuv, "leave all waiting for sockets to libuv, to compare");
  return examples::run_program(app, argc, argv, [&] { return serve(settings); });
}
