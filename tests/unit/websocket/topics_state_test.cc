#include <doctest/doctest.h>
#include <support/web.h>
#include <tidewire/websocket/shared_frame.h>
#include <tidewire/websocket/topics_state.h>

using namespace tidewire;
using namespace tidewire::testing;
using websocket::Connection;
using websocket::TopicsState;

TEST_CASE("places stay right, however members leave") {
  Site site;
  Script script;
  TopicsState state(site.loop);
  std::vector<Connection*> peers;
  script.open = [&](Connection& peer) { peers.push_back(&peer); };
  websocket::route<Scripted>(*site.server, "/", script);
  for (int count = 0; count < 3; ++count) open_websocket(site);
  for (Connection* peer : peers) {
    for (const char* name : {"a", "b", "c"}) state.join(*peer, name);
    state.join(*peer, "a");
  }
  CHECK(state.topics.size() == 3);
  CHECK(state.leave(*peers[0], "a"));
  CHECK_FALSE(state.leave(*peers[0], "a"));
  CHECK(state.leave(*peers[1], "c"));
  CHECK(state.leave(*peers[2], "b"));
  for (const auto& [name, topic] : state.topics) {
    CHECK(topic->subscribers.size() == 2);
    for (std::uint32_t place = 0; place < topic->subscribers.size(); ++place) {
      const auto& subscriber = topic->subscribers[place];
      const auto& membership = subscriber.connection->memberships()[subscriber.membership];
      CHECK(membership.topic == topic.get());
      CHECK(membership.place == place);
    }
  }
  state.drop_all();
  CHECK(state.topics.empty());
  for (Connection* peer : peers) CHECK(peer->memberships().empty());
  site.server.reset();
}
