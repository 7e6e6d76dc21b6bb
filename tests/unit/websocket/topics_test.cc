#include <doctest/doctest.h>
#include <support/web.h>
#include <tidewire/websocket/topics.h>
#include <atomic>
#include <optional>
#include <thread>

using namespace tidewire;
using namespace tidewire::testing;
using websocket::Connection;
using websocket::Message;
using websocket::Topics;

namespace {

struct Club : Site {
  Club() { websocket::route<Scripted>(*server, "/", script); }
  ~Club() { server.reset(); }
  Topics topics{loop};
  Script script;
};

}  // namespace

TEST_SUITE_BEGIN("topics");

TEST_CASE("a message goes to all in its topic, and to nobody else") {
  Club club;
  int count = 0;
  club.script.open = [&](Connection& peer) { club.topics.subscribe(peer, ++count <= 2 ? "in" : "out"); };
  Recorder& one = open_websocket(club);
  Recorder& two = open_websocket(club);
  Recorder& three = open_websocket(club);
  CHECK(club.topics.subscribers("in") == 2);
  club.topics.publish("in", "hello");
  club.topics.publish("nobody", "hello");
  club.until_received(one, plain(0x81, "hello"));
  club.until_received(two, plain(0x81, "hello"));
  settle(club.loop);
  CHECK(three.received.empty());
}

TEST_CASE("send, publish, subscribe and unsubscribe take effect in call order") {
  Club club;
  club.script.message = [&](Connection& peer, const Message&) {
    club.topics.publish("t", "before");
    club.topics.subscribe(peer, "t");
    club.topics.subscribe(peer, "t");
    peer.send("1");
    club.topics.publish("t", "2");
    peer.send("3");
    club.topics.publish("t", "not me", peer);
    CHECK(club.topics.unsubscribe(peer, "t"));
    CHECK_FALSE(club.topics.unsubscribe(peer, "t"));
    club.topics.publish("t", "after");
    peer.send("4");
  };
  Recorder& client = open_websocket(club);
  client.write(masked(0x81, "go"));
  club.until_received(client, plain(0x81, "4"));
  CHECK(client.received == plain(0x81, "1") + plain(0x81, "2") + plain(0x81, "3") + plain(0x81, "4"));
}

TEST_CASE("a connection leaves all topics before its on_close, and an empty topic is gone") {
  Club club;
  std::size_t left = 99;
  club.script.open = [&](Connection& peer) {
    for (const char* name : {"a", "b", "c"}) club.topics.subscribe(peer, name);
    CHECK(club.topics.unsubscribe(peer, "a"));
  };
  club.script.close = [&](Connection& peer, const websocket::CloseInfo&) {
    left = club.topics.subscribers("b") + club.topics.subscribers("c");
    club.topics.subscribe(peer, "b");
    CHECK_FALSE(club.topics.unsubscribe(peer, "b"));
  };
  Recorder& client = open_websocket(club);
  CHECK(club.topics.subscribers("b") == 1);
  client.write(masked(0x88, ""));
  club.until([&] { return club.script.closed(); });
  CHECK(left == 0);
}

TEST_CASE("topics may be destroyed before their subscribers") {
  Site site;
  Script script;
  std::optional<Topics> topics(site.loop);
  websocket::route<Scripted>(*site.server, "/", script);
  script.open = [&](Connection& peer) { topics->subscribe(peer, "t"); };
  script.message = [&](Connection&, const Message&) { topics.reset(); };
  open_websocket(site);
  Recorder& client = open_websocket(site);
  client.write(masked(0x81, "x"));
  site.until([&] { return !topics.has_value(); });
  client.write(masked(0x88, ""));
  site.until([&] { return script.closed(); });
  site.server.reset();
}

TEST_CASE("a subscriber that does not keep up is closed amid a publish, and the others get it") {
  Site site;
  Script script;
  Topics topics(site.loop);
  websocket::route<Scripted>(*site.server, "/",
                             {.close_timeout = std::chrono::milliseconds(100), .max_backpressure = 100'000}, script);
  script.open = [&](Connection& peer) { topics.subscribe(peer, "t"); };
  Recorder& stuck = open_websocket(site);
  Recorder& other = open_websocket(site);
  stuck.stream->pause();
  const std::string text(90'000, 't');
  for (int count = 0; count < 5; ++count) {
    other.received.clear();
    topics.publish("t", text);
    site.until_received(other, plain(0x81, text));
  }
  site.until([&] { return script.closed(); });
  CHECK(script.info.cause == websocket::Cause::backpressure);
  CHECK(topics.subscribers("t") == 1);
  site.server.reset();
}

TEST_SUITE_END();

TEST_SUITE("threaded") {
  TEST_CASE("a publish of another thread is refused by a loop that is full") {
    Loop loop;
    websocket::Topics topics(loop);
    loop.set_post_limits({.max_tasks = 10, .max_bytes = 1000});
    std::thread([&topics] {
      CHECK(topics.publish("news", std::string(900, 'x')) == PostStatus::taken);
      CHECK(topics.publish("news", std::string(900, 'x')) == PostStatus::full);
    }).join();
    CHECK(topics.publish("news", std::string(900, 'x')) == PostStatus::taken);
  }

  TEST_CASE("threads publish while subscribers come and go, each thread's messages in its order") {
    Club club;
    club.script.open = [&](Connection& peer) { club.topics.subscribe(peer, "t"); };
    Recorder& stays = open_websocket(club);
    std::atomic<int> running{2};
    std::vector<std::thread> threads;
    for (const char name : {'a', 'b'}) {
      threads.emplace_back([&, name] {
        for (int count = 0; count < 300; ++count)
          club.topics.publish("t", std::string(1, name) + std::to_string(count) + ";");
        --running;
      });
    }
    while (running != 0) {
      Recorder& guest = open_websocket(club);
      guest.stream->close();
      settle(club.loop, 2);
    }
    for (std::thread& thread : threads) thread.join();
    club.until([&] { return count_of(stays.received, "299;") == 2; });
    for (const char name : {'a', 'b'}) {
      std::size_t at = 0;
      for (int count = 0; count < 300; ++count) {
        at = stays.received.find(std::string(1, name) + std::to_string(count) + ";", at);
        REQUIRE(at != std::string::npos);
      }
    }
  }
}
