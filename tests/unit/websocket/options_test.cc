#include <doctest/doctest.h>
#include <tidewire/websocket/route.h>

using namespace tidewire;
using namespace std::chrono_literals;
using websocket::Options;

TEST_CASE("options that can't work are found when the server would listen") {
  const auto listens = [](const Options& options) {
    Loop loop;
    http::Server server(loop);
    websocket::route(server, "/", websocket::Callbacks(), options);
    return server.listen("127.0.0.1:0").has_value();
  };
  CHECK(listens({}));
  CHECK(listens({.ping_interval = 0ms}));
  CHECK_FALSE(listens({.max_message_size = 0}));
  CHECK_FALSE(listens({.max_fragments = 0}));
  CHECK_FALSE(listens({.ping_interval = -1ms}));
  CHECK_FALSE(listens({.pong_timeout = 0ms}));
  CHECK_FALSE(listens({.close_timeout = 0ms}));
  CHECK_FALSE(listens({.high_water_mark = 2, .max_backpressure = 1}));
}
