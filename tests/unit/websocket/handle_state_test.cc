#include <doctest/doctest.h>
#include <support/web.h>
#include <tidewire/websocket/handle_state.h>
#include <memory>
#include <utility>

using namespace tidewire;
using namespace tidewire::testing;
using websocket::HandleState;
using websocket::PostedMessage;

TEST_CASE("a message counts while it is on its way, and with what it takes beside its bytes") {
  Site site;
  Script script;
  std::shared_ptr<HandleState> state;
  websocket::route<Scripted>(*site.server, "/", script);
  script.open = [&](websocket::Connection& peer) {
    state = std::make_shared<HandleState>(site.loop.remote(), peer,
                                          websocket::Options{.high_water_mark = 1000, .max_backpressure = 2000});
  };
  open_websocket(site);
  {
    PostedMessage first(state, 0);
    CHECK(first.status() == SendStatus::sent);
    CHECK(state->posted_bytes == 256);
    const PostedMessage moved(std::move(first));
    CHECK(state->posted_bytes == 256);
    const PostedMessage second(state, 1000);
    CHECK(second.status() == SendStatus::queued);
    const PostedMessage third(state, 1000);
    CHECK(third.status() == SendStatus::dropped);
    CHECK(state->posted_bytes == 256 + 1256);
  }
  CHECK(state->posted_bytes == 0);
  // However large, if nothing is on its way.
  PostedMessage large(state, 1'000'000);
  CHECK(large.status() == SendStatus::queued);
  large.take_up();
  CHECK(state->posted_bytes == 0);
  site.server.reset();
}
