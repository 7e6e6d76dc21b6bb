#include <doctest/doctest.h>
#include <tidewire/websocket/route.h>
#include <string>

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
  CHECK(listens({.message_timeout = 0ms, .min_bytes_per_second = 0, .rate_window = 0ms}));
  CHECK_FALSE(listens({.message_timeout = -1ms}));
  CHECK_FALSE(listens({.rate_window = 0ms}));
  CHECK_FALSE(listens({.ping_interval = -1ms}));
  CHECK_FALSE(listens({.pong_timeout = 0ms}));
  CHECK_FALSE(listens({.close_timeout = 0ms}));
  CHECK_FALSE(listens({.high_water_mark = 2, .max_backpressure = 1}));
}

TEST_CASE("options of compression that can't work are found when the server would listen, and named with the route") {
  const auto complaint = [](const websocket::DeflateOptions& deflate) {
    Loop loop;
    http::Server server(loop);
    websocket::route(server, "/tide", websocket::Callbacks(), Options{.deflate = deflate});
    const auto address = server.listen("127.0.0.1:0");
    if (address) return std::string();
    CHECK(address.error().code == Errc::invalid_configuration);
    CHECK(address.error().detail.find("route \"/tide\": ") != std::string::npos);
    return address.error().detail;
  };
  CHECK(complaint({}).empty());
  CHECK(complaint(websocket::DeflateOptions::with_takeover()).empty());
  CHECK(complaint(websocket::DeflateOptions::with_frugal_takeover()).empty());
  CHECK(complaint({.own_window_bits = 9, .peer_window_bits = 9, .level = 9, .threshold_bytes = 0}).empty());
  CHECK(complaint({.own_window_bits = 8}).find("own_window_bits") != std::string::npos);
  CHECK(complaint({.own_window_bits = 16}).find("own_window_bits") != std::string::npos);
  CHECK(complaint({.peer_window_bits = 8}).find("peer_window_bits") != std::string::npos);
  CHECK(complaint({.peer_window_bits = 16}).find("peer_window_bits") != std::string::npos);
  CHECK(complaint({.level = 0}).find("level") != std::string::npos);
  CHECK(complaint({.level = 10}).find("level") != std::string::npos);
  CHECK(complaint({.memory_level = 0}).find("memory_level") != std::string::npos);
  CHECK(complaint({.memory_level = 10}).find("memory_level") != std::string::npos);
}
