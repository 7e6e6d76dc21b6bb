/// Says how much memory the server's side of an idle WebSocket connection takes: what malloc has handed out for it,
/// its own share included, over real sockets. Resident memory, which `load idle` reads, also depends on what malloc
/// keeps for later, and comes in pages.
///
/// With --deflate also after as many messages as would fill a window, and with --takeover after a silence that lets the
/// server free the compressor that it keeps for each; with --frugal the window that it keeps instead.
#include <malloc.h>
#include <sys/socket.h>

#include <tidewire/bench/connect.h>
#include <tidewire/bench/deflate.h>
#include <tidewire/bench/deflated_echoes.h>
#include <tidewire/bench/frame_reader.h>
#include <tidewire/bench/frames.h>
#include <tidewire/bench/heads.h>
#include <tidewire/http/server.h>
#include <tidewire/websocket/route.h>
#include <array>
#include <chrono>
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace tidewire;

namespace {

/// Both ends are in this process, and a limit of 4096 open files is to be enough.
constexpr std::size_t usual_connections = 2000;
/// That exchange many messages, before the first ping is due.
constexpr std::size_t usual_deflating = 200;
constexpr std::size_t other_files = 64;
constexpr std::size_t message_bytes = 1024;
/// With 1 KiB each, so many fill the largest window and more.
constexpr std::uint64_t many_messages = 40;
/// After it a server sends a ping, and frees what it can of a window. Longer than all messages take.
constexpr std::chrono::seconds ping_interval{5};

std::size_t bytes_handed_out() {
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

struct Connection {
  bench::Connection socket;
  std::uint64_t messages = 0;
};

std::optional<websocket::DeflateOptions> server_options(bench::Offer offer, bool frugal) {
  using websocket::DeflateOptions;
  if (offer == bench::Offer::nothing) return {};
  if (offer == bench::Offer::deflate) return DeflateOptions();
  DeflateOptions options = frugal ? DeflateOptions::with_frugal_takeover() : DeflateOptions::with_takeover();
  options.release_when_idle = true;
  return options;
}

/// A server on a socket, and clients that allocate nothing while they talk to it.
class Scene {
 public:
  Scene(bench::Offer offer, bool frugal) : offer_(offer) {
    websocket::Options options;
    options.deflate = server_options(offer, frugal);
    if (options.deflate) options.ping_interval = ping_interval;
    websocket::route(server_, "/echo",
                     {.on_message = [](auto& peer, const auto& message) { (void)peer.send(message); }}, options);
    const auto address = server_.listen("127.0.0.1:0").value();
    endpoint_ = bench::loopback_endpoint("127.0.0.1", address.port()).value();
    upgrade_ = bench::handshake_request(endpoint_, "/echo", offer);
    const std::string message = bench::payload(bench::Content::ascii, message_bytes);
    message_ = bench::client_frame(bench::Content::ascii, message, 0x5a1773c4);
    reply_ = bench::server_frame(bench::Content::ascii, message);
  }

  Connection open() {
    auto client = std::move(bench::open_connections(endpoint_, 1).value().front());
    say(client, upgrade_);
    const std::string_view head = hear(client, [](std::string_view text) { return text.ends_with("\r\n\r\n"); });
    bench::check_handshake(head, offer_).value();
    if (offer_ != bench::Offer::nothing && !deflated_) {
      deflated_.emplace(bench::Content::json, message_bytes, 1, offer_,
                        std::string(bench::header_field(head, "Sec-WebSocket-Extensions")));
    }
    return {std::move(client)};
  }
  void echo(Connection& client) {
    if (deflated_) return echo_deflated(client);
    say(client.socket, message_);
    const auto all = [this](std::string_view text) { return text.size() >= reply_.size(); };
    if (hear(client.socket, all) != reply_) throw std::runtime_error("the server's echo is wrong");
  }
  /// Runs the server until nothing has come of its connections for longer than the ping interval.
  void stay_silent() {
    const auto end = std::chrono::steady_clock::now() + ping_interval + std::chrono::seconds(2);
    until([end] { return std::chrono::steady_clock::now() > end; }, std::numeric_limits<int>::max());
  }
  void until_all_have_gone() {
    until([this] { return server_.open_connections().value() == 0; });
  }

 private:
  void echo_deflated(Connection& client) {
    say(client.socket, deflated_->batch_after(client.messages));
    std::string_view payload;
    bool wrong = false;
    hear(client.socket, [&](std::string_view reply) {
      bench::FrameReader reader;
      const auto frame = reply.empty() ? std::nullopt : reader.take(reply);
      wrong = !reply.empty();
      if (frame) payload = frame->payload;
      return frame && frame->ends_message;
    });
    wrong = wrong || !inflater_.is(payload, deflated_->text(client.messages), deflated_->history(client.messages));
    if (wrong) throw std::runtime_error("the server's compressed echo is wrong");
    ++client.messages;
  }
  static void say(const bench::Connection& client, std::string_view bytes) {
    const auto sent = ::send(client.descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(bytes.size())) throw std::runtime_error("the system does not send");
  }
  template <class Complete>
  std::string_view hear(const bench::Connection& client, Complete complete) {
    std::size_t size = 0;
    const auto so_far = [&] { return std::string_view(heard_.data(), size); };
    until([&] {
      const auto count = ::recv(client.descriptor(), heard_.data() + size, heard_.size() - size, MSG_DONTWAIT);
      if (count > 0) size += static_cast<std::size_t>(count);
      return complete(so_far());
    });
    return so_far();
  }
  template <class Done>
  void until(Done done, int most_turns = 1'000'000) {
    for (int turn = 0; !done(); ++turn) {
      if (turn == most_turns) throw std::runtime_error("the server does not answer");
      loop_.run_once(false);
    }
  }

  bench::Offer offer_;
  std::optional<bench::DeflatedEchoes> deflated_;
  bench::MessageInflater inflater_;
  Loop loop_;
  http::Server server_{loop_};
  bench::Endpoint endpoint_;
  std::string upgrade_;
  std::string message_;
  std::string reply_;
  std::array<char, 4096> heard_ = {};
};

void run(std::size_t connections, bench::Offer offer, bool frugal) {
  bench::allow_open_files(2 * connections + other_files).value();
  std::vector<Connection> clients;
  clients.reserve(connections);
  Scene scene(offer, frugal);
  // The first connection makes what is made once.
  {
    auto first = scene.open();
    scene.echo(first);
  }
  scene.until_all_have_gone();

  const auto first_ping = std::chrono::steady_clock::now() + ping_interval;
  const std::size_t before = bytes_handed_out();
  nlohmann::ordered_json report = {{"connections", connections}};
  const auto read = [&](const char* name) {
    report[name] =
        (static_cast<double>(bytes_handed_out()) - static_cast<double>(before)) / static_cast<double>(connections);
  };
  while (clients.size() < connections) clients.push_back(scene.open());
  read("bytes_per_connection");
  for (Connection& client : clients) scene.echo(client);
  read("bytes_per_connection_after_echo");
  if (offer != bench::Offer::nothing) {
    for (Connection& client : clients) {
      while (client.messages < many_messages) scene.echo(client);
    }
    read("bytes_per_connection_after_many");
    if (std::chrono::steady_clock::now() > first_ping) throw std::runtime_error("the messages took too long");
  }
  if (offer == bench::Offer::deflate_with_takeover) {
    scene.stay_silent();
    read("bytes_per_connection_after_silence");
  }
  std::cout << report.dump() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t connections = 0;
  CLI::App app("Prints a line of JSON on the memory of idle WebSocket connections.", "idle_memory");
  bool deflate = false;
  bool takeover = false;
  bool frugal = false;
  app.add_option("--connections", connections, "how many [2000; 200 with --deflate]")->check(CLI::Range(1, 1'000'000));
  auto* compressing = app.add_flag("--deflate", deflate, "that compress their messages");
  auto* referring = app.add_flag("--takeover", takeover, "and let them refer to earlier ones")->needs(compressing);
  app.add_flag("--frugal", frugal, "and keep no compressor for that")->needs(referring);
  try {
    app.parse(argc, argv);
    if (connections == 0) connections = deflate ? usual_deflating : usual_connections;
    const auto offer = takeover ? bench::Offer::deflate_with_takeover : bench::Offer::deflate;
    run(connections, deflate ? offer : bench::Offer::nothing, frugal);
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
