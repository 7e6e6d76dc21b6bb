#include <doctest/doctest.h>
#include <tidewire/websocket/connection.h>
#include <tidewire/websocket/endpoint.h>

using namespace tidewire;
using websocket::Endpoint;
using websocket::EndpointRef;

TEST_CASE("an endpoint lives until its last reference goes, and those of a loop share their spare memory") {
  Loop loop;
  const auto alive = std::make_shared<int>();
  websocket::Options options;
  options.max_message_size = 7;
  auto first = std::make_unique<EndpointRef>(
      new Endpoint(loop, options, [alive](const EndpointRef&, const http::Request&) { return nullptr; }));
  const EndpointRef other(new Endpoint(loop, {}, {}));
  CHECK(&(*first)->spare == &other->spare);
  CHECK((*first)->limits.max_message_bytes == 7);
  CHECK(other->pace_bounds.timeout == Loop::ticks(std::chrono::minutes(10)));
  CHECK(other->pace_bounds.window == Loop::ticks(std::chrono::seconds(20)));
  CHECK(other->pace_bounds.window_bytes == 20 * 1024);
  auto copy = std::make_unique<EndpointRef>(*first);
  first.reset();
  CHECK(alive.use_count() == 2);
  copy.reset();
  CHECK(alive.use_count() == 1);
}
