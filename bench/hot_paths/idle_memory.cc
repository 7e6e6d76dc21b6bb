/// Says how much memory the server's side of an idle WebSocket connection takes: what malloc has handed out for it,
/// its own share included, over real sockets. Resident memory, which `load idle` reads, also depends on what malloc
/// keeps for later, and comes in pages.
#include <malloc.h>
#include <sys/socket.h>

#include <tidewire/bench/connect.h>
#include <tidewire/bench/frames.h>
#include <tidewire/bench/heads.h>
#include <tidewire/http/server.h>
#include <tidewire/websocket/route.h>
#include <array>
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

using namespace tidewire;

namespace {

/// Both ends are in this process, and a limit of 4096 open files is to be enough.
constexpr std::size_t usual_connections = 2000;
constexpr std::size_t other_files = 64;

std::size_t bytes_handed_out() {
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

/// A server on a socket, and clients that allocate nothing while they talk to it.
class Scene {
 public:
  Scene() {
    websocket::route(server_, "/echo",
                     {.on_message = [](auto& peer, const auto& message) { (void)peer.send(message); }});
    const auto address = server_.listen("127.0.0.1:0").value();
    endpoint_ = bench::loopback_endpoint("127.0.0.1", address.port()).value();
    upgrade_ =
        "GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ";
    upgrade_.append(bench::handshake_key).append("\r\n\r\n");
    const std::string message = bench::payload(bench::Content::ascii, 1024);
    message_ = bench::client_frame(bench::Content::ascii, message, 0x5a1773c4);
    reply_ = bench::server_frame(bench::Content::ascii, message);
  }

  bench::Descriptor open() {
    auto client = std::move(bench::open_connections(endpoint_, 1).value().front());
    say(client, upgrade_);
    const std::string_view head = hear(client, [](std::string_view text) { return text.ends_with("\r\n\r\n"); });
    bench::check_handshake(head).value();
    return client;
  }
  void echo(const bench::Descriptor& client) {
    say(client, message_);
    const auto all = [this](std::string_view text) { return text.size() >= reply_.size(); };
    if (hear(client, all) != reply_) throw std::runtime_error("the server's echo is wrong");
  }
  void until_all_have_gone() {
    until([this] { return server_.open_connections().value() == 0; });
  }

 private:
  static void say(const bench::Descriptor& client, std::string_view bytes) {
    const auto sent = ::send(client.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(bytes.size())) throw std::runtime_error("the system does not send");
  }
  template <class Complete>
  std::string_view hear(const bench::Descriptor& client, Complete complete) {
    std::size_t size = 0;
    const auto so_far = [&] { return std::string_view(heard_.data(), size); };
    until([&] {
      const auto count = ::recv(client.number(), heard_.data() + size, heard_.size() - size, MSG_DONTWAIT);
      if (count > 0) size += static_cast<std::size_t>(count);
      return complete(so_far());
    });
    return so_far();
  }
  template <class Done>
  void until(Done done) {
    for (int turn = 0; !done(); ++turn) {
      if (turn == 1'000'000) throw std::runtime_error("the server does not answer");
      loop_.run_once(false);
    }
  }

  Loop loop_;
  http::Server server_{loop_};
  bench::Endpoint endpoint_;
  std::string upgrade_;
  std::string message_;
  std::string reply_;
  std::array<char, 4096> heard_ = {};
};

void run(std::size_t connections) {
  bench::allow_open_files(2 * connections + other_files).value();
  std::vector<bench::Descriptor> clients;
  clients.reserve(connections);
  Scene scene;
  // The first connection makes what is made once.
  {
    const auto first = scene.open();
    scene.echo(first);
  }
  scene.until_all_have_gone();

  const std::size_t before = bytes_handed_out();
  while (clients.size() < connections) clients.push_back(scene.open());
  const std::size_t silent = bytes_handed_out();
  for (const auto& client : clients) scene.echo(client);
  const std::size_t after_echo = bytes_handed_out();

  const auto each = [&](std::size_t now) {
    return (static_cast<double>(now) - static_cast<double>(before)) / static_cast<double>(connections);
  };
  const nlohmann::ordered_json report = {{"connections", connections},
                                         {"bytes_per_connection", each(silent)},
                                         {"bytes_per_connection_after_echo", each(after_echo)}};
  std::cout << report.dump() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t connections = usual_connections;
  CLI::App app("Prints a line of JSON on the memory of idle WebSocket connections.", "idle_memory");
  app.add_option("--connections", connections, "how many")->check(CLI::Range(1, 1'000'000))->capture_default_str();
  try {
    app.parse(argc, argv);
    run(connections);
    return 0;
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& wrong) {
    std::fprintf(stderr, "idle_memory: %s (see --help)\n", wrong.what());
    return 2;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "idle_memory: %s\n", failure.what());
    return 1;
  }
}
