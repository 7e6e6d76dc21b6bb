#include <tidewire/tidewire.h>
using namespace tidewire;

struct Echo final : websocket::Handler {
  void on_message(websocket::Connection& peer, const websocket::Message& message) override { peer.send(message); }
};

int main() {
  Loop loop;
  http::Server server(loop);
  websocket::route<Echo>(server, "/echo");
  server.listen("127.0.0.1:9001").value();
  loop.run();
}
