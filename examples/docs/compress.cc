/// Compressed messages: what docs/howto/compress-messages.md quotes.
#include <tidewire/tidewire.h>
#include <csignal>
#include <cstdio>
#include <string>

using namespace tidewire;
using namespace std::chrono_literals;

namespace {

/// Answers each message with a list of prices, and whether that is compressed.
class Prices final : public websocket::Handler {
 public:
  void on_message(websocket::Connection& peer, const websocket::Message&) override {
    std::string list = R"({"compressed":)" + std::string(peer.deflates() ? "true" : "false") + R"(,"prices":[)";
    for (int number = 0; number < 100; ++number) {
      list += R"({"symbol":"TIDE)" + std::to_string(number) + R"(","price":)" + std::to_string(number * 7 % 100) + "},";
    }
    list.back() = ']';
    peer.send(list + "}");
  }
};

}  // namespace

int main(int argc, char** argv) {
  Loop loop;
  http::Server server(loop);

  // [on]
  websocket::route<Prices>(server, "/prices", {.deflate = websocket::DeflateOptions{}});
  // [on]

  // [takeover]
  websocket::route<Prices>(server, "/prices/takeover", {.deflate = websocket::DeflateOptions::with_takeover()});
  // [takeover]

  // [frugal]
  websocket::route<Prices>(server, "/prices/frugal", {.deflate = websocket::DeflateOptions::with_frugal_takeover()});
  // [frugal]

  // [choose]
  websocket::DeflateOptions sparing;
  sparing.level = 1;               // From 1, the fastest, to 9, the smallest; 3 unless asked for.
  sparing.threshold_bytes = 1024;  // Smaller messages go as they are; 64 unless asked for.
  websocket::route<Prices>(server, "/prices/sparing", {.max_message_size = 64 << 10, .deflate = sparing});
  // [choose]

  const auto address = server.listen(argc > 1 ? argv[1] : "127.0.0.1:9001").value();
  loop.on_signal({SIGINT, SIGTERM}, [&] { server.drain(10s, [&] { loop.stop(); }); }).value();
  std::printf("compress listens on %s\n", address.to_string().c_str());
  std::fflush(stdout);
  loop.run();
}
