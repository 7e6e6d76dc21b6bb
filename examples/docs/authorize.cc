/// Deciding at the handshake: what docs/howto/authorize-a-handshake.md quotes.
#include <docs/worker.h>
#include <tidewire/tidewire.h>
#include <csignal>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

using namespace tidewire;
using namespace std::chrono_literals;

namespace {

/// Stands for a question to a database.
bool is_valid(std::string_view ticket) { return ticket == "T-1"; }

class Guest final : public websocket::Handler {
  void on_open(websocket::Connection& peer) override { peer.send("welcome"); }
};

}  // namespace

int main(int argc, char** argv) {
  Loop loop;
  Worker worker;
  http::Server server(loop);

  // [now]
  const auto check_token = [](const http::Request& request, const websocket::Decision& decision) {
    if (request.header("authorization") == "Bearer open-sesame") {
      decision.accept();
    } else {
      decision.reject(http::Status::unauthorized, "a token is needed\n");
    }
  };
  websocket::route<Guest>(server, "/token", {.authorize = check_token});
  // [now]

  // [later]
  const auto check_ticket = [&worker](const http::Request& request, const websocket::Decision& decision) {
    worker.run([ticket = request.query_param("ticket").value_or(""), decision] {
      if (is_valid(ticket)) {
        decision.accept();
      } else {
        decision.reject(http::Status::forbidden, "this ticket is not valid\n");
      }
    });
  };
  websocket::route<Guest>(server, "/ticket", {.authorize = check_ticket});
  // [later]

  // [origins]
  websocket::route<Guest>(server, "/origins",
                          {.allowed_origins = {"https://app.example", "https://admin.app.example"}});
  // [origins]

  // [subprotocol]
  const auto choose = [](const http::Request&, std::span<const std::string_view> offered) -> std::string_view {
    for (const std::string_view each : offered) {
      if (each == "chat.v2" || each == "chat.v1") return each;
    }
    return {};
  };
  websocket::route<Guest>(server, "/subprotocol", {.choose_subprotocol = choose});
  // [subprotocol]

  const auto address = server.listen(argc > 1 ? argv[1] : "127.0.0.1:9001").value();
  loop.on_signal({SIGINT, SIGTERM}, [&] { server.drain(10s, [&] { loop.stop(); }); }).value();
  std::printf("authorize listens on %s\n", address.to_string().c_str());
  std::fflush(stdout);
  loop.run();
}
