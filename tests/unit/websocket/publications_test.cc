#include <doctest/doctest.h>
#include <support/deflated.h>
#include <support/json_text.h>
#include <tidewire/websocket/publications.h>
#include <tidewire/websocket/shared_frame.h>
#include <tidewire/websocket/topics_state.h>

using namespace tidewire;
using namespace tidewire::testing;
using websocket::CloseCode;
using websocket::Connection;
using websocket::Publications;
using websocket::shared_frame;
using websocket::TopicsState;

namespace {

/// Three that are in the topic "t".
struct Hall : Site {
  explicit Hall(const websocket::Options& options = {}) {
    websocket::route<Scripted>(*server, "/", options, script);
    script.open = [this](Connection& peer) { peers.push_back(&peer); };
    for (Recorder*& client : members) client = &open_websocket(*this);
    for (Connection* peer : peers) state.join(*peer, "t");
  }
  ~Hall() {
    state.drop_all();
    server.reset();
  }

  void publish(std::string_view text, const Connection* except = nullptr, std::string_view topic = "t") {
    state.publish(topic, shared_frame(text), except);
  }
  /// What each got by the end of the turn.
  void check_received(std::string_view first, std::string_view second, std::string_view third) {
    settle(loop);
    CHECK(members[0]->received == first);
    CHECK(members[1]->received == second);
    CHECK(members[2]->received == third);
  }

  Script script;
  TopicsState state{loop};
  Publications& publications = state.publications;
  std::vector<Connection*> peers;
  Recorder* members[3];
};

std::string texts(std::initializer_list<std::string_view> each) {
  std::string all;
  for (const std::string_view text : each) all += plain(0x81, text);
  return all;
}

}  // namespace

TEST_SUITE_BEGIN("publications");

TEST_CASE("what is published in a turn reaches each subscriber by its end, in order and in one piece") {
  Hall hall;
  for (const char* text : {"a", "b", "c"}) hall.publish(text);
  CHECK_FALSE(hall.publications.empty());
  const int calls = hall.members[0]->data_calls;
  hall.check_received(texts({"a", "b", "c"}), texts({"a", "b", "c"}), texts({"a", "b", "c"}));
  CHECK(hall.publications.empty());
  CHECK(hall.members[0]->data_calls == calls + 1);
}

TEST_CASE("another topic, another exception and a large message keep the order") {
  Hall hall;
  hall.state.join(*hall.peers[0], "other");
  hall.publish("1");
  hall.publish("2", nullptr, "other");
  hall.publish("3", hall.peers[1]);
  hall.publish("4", hall.peers[2]);
  const std::string large(20'000, 'l');
  hall.publish(large);
  CHECK(hall.publications.empty());
  hall.publish("5");
  hall.check_received(texts({"1", "2", "3", "4", large, "5"}), texts({"1", "4", large, "5"}),
                      texts({"1", "3", large, "5"}));
}

TEST_CASE("many messages are delivered before they take much memory") {
  Hall hall;
  const std::string text(1'000, 't');
  std::string all;
  for (int count = 0; count < 40; ++count) {
    hall.publish(text);
    all += texts({text});
  }
  hall.check_received(all, all, all);
}

TEST_CASE("what a connection does comes behind what was published before it") {
  Hall hall;
  Connection& peer = *hall.peers[0];
  std::string expected = texts({"before"});
  hall.publish("before");
  SUBCASE("a message") {
    peer.send("x");
    expected += texts({"x"});
  }
  SUBCASE("a part") {
    peer.send_part("x", false);
    expected += plain(0x01, "x");
  }
  SUBCASE("a ping") {
    peer.ping();
    expected += plain(0x89, "");
  }
  SUBCASE("a close") {
    peer.close();
    expected += plain(0x88, farewell(1000));
  }
  SUBCASE("leaving") { CHECK(hall.state.leave(peer, "t")); }
  CHECK(hall.publications.empty());
  hall.check_received(expected, texts({"before"}), texts({"before"}));
}

TEST_CASE("who joins gets nothing that was published before") {
  Hall hall;
  Recorder& late = open_websocket(hall);
  hall.publish("before");
  hall.state.join(*hall.peers[3], "t");
  hall.publish("after");
  hall.check_received(texts({"before", "after"}), texts({"before", "after"}), texts({"before", "after"}));
  CHECK(late.received == texts({"after"}));
}

TEST_CASE("answers to what a peer sent come behind what was published before it came") {
  Hall hall;
  hall.script.message = [&](Connection&, const websocket::Message& message) { hall.publish(message.text()); };
  std::string sent = masked(0x81, "one") + masked(0x81, "two");
  std::string answer;
  SUBCASE("a ping") {
    sent += masked(0x89, "p");
    answer = plain(0x8A, "p");
  }
  SUBCASE("a close") {
    sent += masked(0x88, farewell(1000));
    answer = plain(0x88, farewell(1000));
  }
  SUBCASE("a violation") {
    sent += masked(0x83, "");
    answer = plain(0x88, farewell(1002, "reserved opcode"));
  }
  hall.members[0]->write(sent);
  hall.check_received(texts({"one", "two"}) + answer, texts({"one", "two"}), texts({"one", "two"}));
}

TEST_CASE("what is published for a peer by itself comes before the answer to its Close, or to what is wrong") {
  for (const std::string& end : {masked(0x88, farewell(1000)), masked(0x83, "")}) {
    Script script;
    Site site;
    TopicsState state(site.loop);
    const websocket::DeflateOptions deflate{.own_takeover = true, .published_with_takeover = true};
    websocket::route<Scripted>(*site.server, "/", websocket::Options{.deflate = deflate}, script);
    script.open = [&](Connection& peer) { state.join(peer, "t"); };
    script.message = [&](Connection&, const websocket::Message& message) {
      state.publish("t", shared_frame(message), nullptr);
    };
    Recorder& client = open_deflating(site);
    const std::string text = support::json_text(300);
    client.write(masked(0x81, text) + end);
    site.until_over(client);
    // The text, and what ends it all.
    const auto read = DeflateReader({.peer_takeover = true}).read(client.received);
    REQUIRE(read.size() == 2);
    CHECK(read.front() == text);
    state.drop_all();
    site.server.reset();
  }
}

TEST_CASE("limits count each message for itself") {
  // 15 bytes: of what waits, the second message fits and the third doesn't.
  Hall hall({.high_water_mark = 1, .max_backpressure = 15, .backpressure = websocket::Backpressure::drop});
  for (const char* text : {"12345678", "abc", "no"}) hall.publish(text);
  const std::string all = texts({"12345678", "abc"});
  hall.check_received(all, all, all);
}

TEST_CASE("a message in parts is not interrupted") {
  Hall hall;
  hall.peers[0]->send_part("x", false);
  hall.publish("a");
  hall.publish("b");
  settle(hall.loop);
  hall.peers[0]->send_part("y", true);
  hall.check_received(plain(0x01, "x") + plain(0x80, "y") + texts({"a", "b"}), texts({"a", "b"}), texts({"a", "b"}));
}

TEST_CASE("what is published reaches those that compress and those that do not, each message once and in order") {
  for (const bool own_form : {false, true}) {
    Site site;
    Script script;
    TopicsState state(site.loop);
    const websocket::DeflateOptions deflate{.own_takeover = true, .published_with_takeover = own_form};
    websocket::route<Scripted>(*site.server, "/", websocket::Options{.deflate = deflate}, script);
    std::vector<Connection*> peers;
    script.open = [&](Connection& peer) { peers.push_back(&peer); };
    Recorder& bare = open_websocket(site);
    Recorder& without = open_deflating(site, "permessage-deflate; server_no_context_takeover");
    Recorder& with = open_deflating(site);
    for (Connection* peer : peers) state.join(*peer, "t");

    std::vector<std::string> sent;
    std::string bytes;
    for (unsigned seed = 0; seed < 6; ++seed) {
      const std::string text = support::json_text(seed == 3 ? 20'000 : 300, seed);
      state.publish("t", shared_frame(text), nullptr);
      sent.push_back(text);
      bytes += plain(0x81, text);
      if (seed % 2 == 0) settle(site.loop);
      // Each gets one of its own between them, which may refer to what it got before.
      const std::string own = support::json_text(200, 100 + seed);
      for (Connection* peer : peers) CHECK(peer->send(own) == SendStatus::sent);
      sent.push_back(own);
      bytes += plain(0x81, own);
    }
    settle(site.loop);
    CHECK(bare.received == bytes);
    CHECK(DeflateReader({}).read(without.received) == sent);
    CHECK(DeflateReader({.peer_takeover = true}).read(with.received) == sent);
    CHECK(with.received.size() < bytes.size() / 2);
    state.drop_all();
    site.server.reset();
  }
}

TEST_SUITE_END();
