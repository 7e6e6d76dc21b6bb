#include <tidewire/tidewire.h>
#include <csignal>
#include <cstdio>
#include <string>
using namespace tidewire;
using namespace std::chrono_literals;

// [room]
class Room final : public websocket::Handler {
 public:
  Room(const http::Request& request, websocket::Topics& topics) : topics_(topics), room_(request.param("room")) {}

  void on_open(websocket::Connection& peer) override { topics_.subscribe(peer, room_); }

  void on_message(websocket::Connection&, const websocket::Message& message) override {
    topics_.publish(room_, message);
  }

 private:
  websocket::Topics& topics_;
  std::string room_;
};
// [room]

int main(int argc, char** argv) {
  // [order]
  Loop loop;
  websocket::Topics topics(loop);
  http::Server server(loop);
  // [order]
  websocket::route<Room>(server, "/rooms/:room", topics);

  // [listen]
  const auto address = server.listen(argc > 1 ? argv[1] : "127.0.0.1:9001");
  if (!address) {
    std::fprintf(stderr, "broadcast: %s\n", address.error().message().c_str());
    return 1;
  }
  std::printf("broadcast listens on %s\n", address->to_string().c_str());
  std::fflush(stdout);
  // [listen]

  // [shutdown]
  loop.on_signal({SIGINT, SIGTERM}, [&] { server.drain(10s, [&] { loop.stop(); }); }).value();
  loop.run();
  // [shutdown]
}
