/// Readers who do not keep up: what docs/howto/slow-readers.md quotes.
#include <tidewire/tidewire.h>
#include <csignal>
#include <cstdio>
#include <string>

using namespace tidewire;
using namespace std::chrono_literals;

namespace {

// [drain]
/// Sends a long answer, and never more of it than the client takes.
class Download final : public websocket::Handler {
 public:
  void on_open(websocket::Connection& peer) override { go_on(peer); }
  void on_drain(websocket::Connection& peer) override { go_on(peer); }

 private:
  void go_on(websocket::Connection& peer) {
    while (next_ < pieces) {
      const SendStatus status = peer.send(std::string(piece_bytes, static_cast<char>('a' + next_ % 26)));
      if (status == SendStatus::closed) return;
      ++next_;
      if (status == SendStatus::queued) return;
    }
    peer.close();
  }

  static constexpr int pieces = 1000;
  static constexpr std::size_t piece_bytes = 16 * 1024;
  int next_ = 0;
};
// [drain]

// [latest]
/// Everyone here wants the present state, and nobody the one before.
class Feed final : public websocket::Handler {
 public:
  explicit Feed(websocket::Topics& topics) : topics_(topics) {}
  void on_open(websocket::Connection& peer) override { topics_.subscribe(peer, "feed"); }

 private:
  websocket::Topics& topics_;
};
// [latest]

/// Sends without looking at what becomes of it.
class Careless final : public websocket::Handler {
  void on_message(websocket::Connection& peer, const websocket::Message&) override {
    for (int i = 0; i < 1000; ++i) peer.send(std::string(16 * 1024, 'x'));
  }
  void on_close(websocket::Connection&, const websocket::CloseInfo& why) override {
    std::printf("closed: %s\n", std::string(name(why.cause)).c_str());
    std::fflush(stdout);
  }
};

}  // namespace

int main(int argc, char** argv) {
  Loop loop;
  websocket::Topics topics(loop);
  http::Server server(loop);
  websocket::route<Download>(server, "/download");
  websocket::route<Careless>(server, "/careless");

  // [feed]
  websocket::route<Feed>(server, "/feed", {.backpressure = websocket::Backpressure::keep_latest}, topics);
  int state = 0;
  const Timer ticking = Timer::every(loop, 10ms, [&] { topics.publish("feed", std::to_string(++state)); });
  // [feed]

  const auto address = server.listen(argc > 1 ? argv[1] : "127.0.0.1:9001").value();
  loop.on_signal({SIGINT, SIGTERM}, [&] { server.drain(10s, [&] { loop.stop(); }); }).value();
  std::printf("slow_readers listens on %s\n", address.to_string().c_str());
  std::fflush(stdout);
  loop.run();
}
