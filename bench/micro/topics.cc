// Finding a topic and handing a message to who is in it. What many deliveries cost is for hot_paths' fan-out.

#include <benchmark/benchmark.h>
#include <tidewire/bench/client.h>
#include <tidewire/bench/connect.h>
#include <tidewire/bench/heads.h>
#include <tidewire/bench/micro_report.h>
#include <tidewire/http/server.h>
#include <tidewire/transport/memory_stream.h>
#include <tidewire/websocket/handler.h>
#include <tidewire/websocket/route.h>
#include <tidewire/websocket/topics.h>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace tidewire;
using namespace tidewire::bench;

/// One connection over a memory stream, subscribed to so many topics.
class Scene {
 public:
  explicit Scene(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) names.push_back("room/" + std::to_string(i));
    websocket::route(server_, "/", {.on_open = [this](auto& peer) {
                       for (const std::string& name : names) topics.subscribe(peer, name);
                     }});
    auto [near, far] = transport::memory_pair(loop, {.capacity_bytes = 1 << 20, .chunk_bytes = 64 * 1024});
    server_.serve(std::move(far));
    client_ = std::make_unique<Client>(std::move(near), received);
    client_->compare(false);
    Endpoint endpoint;
    endpoint.host = "localhost";
    client_->send(handshake_request(endpoint, "/"));
    while (received == 0) loop.run_once(false);
  }

  Loop loop;
  websocket::Topics topics{loop};
  std::vector<std::string> names;
  std::size_t received = 0;

 private:
  http::Server server_{loop};
  std::unique_ptr<Client> client_;
};

/// Nobody is in the topic: the look-up alone.
void topics_publish_to_none(benchmark::State& state) {
  Scene scene(static_cast<std::size_t>(state.range(0)));
  const std::string name = "room/nobody is here";
  for (auto _ : state) scene.topics.publish(name, "hello");
  report_items(state, 1);
}

/// One is in each: look-up, frame and queueing, and a 64th of the write and of the turn of the loop.
void topics_publish_to_one(benchmark::State& state) {
  Scene scene(static_cast<std::size_t>(state.range(0)));
  constexpr std::size_t messages_a_turn = 64;
  const std::string text(100, 'x');
  const std::size_t before = scene.received;
  std::size_t next = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < messages_a_turn; ++i) {
      scene.topics.publish(scene.names[next], text);
      if (++next == scene.names.size()) next = 0;
    }
    scene.loop.run_once(false);
  }
  for (int turn = 0; turn < 20; ++turn) scene.loop.run_once(false);
  const std::size_t frame_bytes = text.size() + 2;
  const auto published = static_cast<std::size_t>(state.iterations()) * messages_a_turn;
  if (scene.received - before != published * frame_bytes) state.SkipWithError("messages are missing");
  report_items(state, messages_a_turn);
}

BENCHMARK(topics_publish_to_none)->Arg(1)->Arg(10'000);
BENCHMARK(topics_publish_to_one)->Arg(1)->Arg(10'000);

}  // namespace
