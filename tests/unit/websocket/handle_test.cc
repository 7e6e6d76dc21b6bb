#include <doctest/doctest.h>
#include <support/web.h>
#include <tidewire/websocket/handle.h>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace tidewire;
using namespace tidewire::testing;
using websocket::Connection;
using websocket::Handle;
using websocket::Message;

TEST_CASE("an empty handle behaves as one whose connection has closed") {
  const Handle handle;
  CHECK_FALSE(handle.open());
  CHECK(handle.send("x") == SendStatus::closed);
  CHECK_FALSE(handle.close());
  CHECK_FALSE(handle.run([](Connection&) {}));
  CHECK(handle == Handle());
}

TEST_CASE("a handle outlives its connection, its server and its loop") {
  Handle handle;
  {
    Site site;
    Script script;
    websocket::route<Scripted>(*site.server, "/", script);
    script.open = [&](Connection& peer) {
      handle = peer.handle();
      CHECK(handle == peer.handle());
    };
    script.close = [&](Connection& peer, const websocket::CloseInfo&) {
      CHECK_FALSE(handle.open());
      CHECK(handle.send("x") == SendStatus::closed);
      CHECK_FALSE(peer.handle().open());
    };
    Recorder& client = open_websocket(site);
    CHECK(handle.send("from outside") == SendStatus::sent);
    site.until_received(client, "from outside");
    site.server.reset();
    CHECK(script.closes == 1);
    CHECK(handle.send("x") == SendStatus::closed);
  }
  CHECK(handle.send("x") == SendStatus::closed);
  CHECK_FALSE(handle.close());
}

TEST_CASE("what an action throws closes the connection with 1011") {
  Site site;
  Script script;
  Handle handle;
  websocket::route<Scripted>(*site.server, "/", script);
  script.open = [&](Connection& peer) { handle = peer.handle(); };
  Recorder& client = open_websocket(site);
  CHECK(handle.run([](Connection&) { throw std::runtime_error("deliberate"); }));
  site.until_received(client, plain(0x88, farewell(1011)));
  CHECK(site.logged("deliberate"));
  site.server.reset();
  CHECK(script.info.cause == websocket::Cause::handler_exception);
}

TEST_SUITE("threaded") {
  TEST_CASE("messages of another thread are sent in order") {
    Site site;
    Script script;
    Handle handle;
    websocket::route<Scripted>(*site.server, "/", script);
    script.open = [&](Connection& peer) { handle = peer.handle(); };
    Recorder& client = open_websocket(site);
    std::thread other([handle] {
      for (int count = 0; count < 500; ++count) handle.send(std::to_string(count));
      handle.close(websocket::CloseCode::normal, "done");
    });
    site.until_received(client, plain(0x88, farewell(1000, "done")));
    other.join();
    std::string expected;
    for (int count = 0; count < 500; ++count) expected += plain(0x81, std::to_string(count));
    CHECK(client.received == expected + plain(0x88, farewell(1000, "done")));
    site.server.reset();
  }

  TEST_CASE("threads use handles while the connection closes and the loop ends") {
    for (int round = 0; round < 20; ++round) {
      Handle handle;
      std::vector<std::thread> threads;
      {
        Site site;
        Script script;
        websocket::route<Scripted>(*site.server, "/", script);
        script.open = [&](Connection& peer) { handle = peer.handle(); };
        Recorder& client = open_websocket(site);
        for (int count = 0; count < 3; ++count) {
          threads.emplace_back([handle] {
            for (int turn = 0; turn < 300; ++turn) {
              handle.send("x");
              handle.run([](Connection& peer) { peer.ping(); });
            }
          });
        }
        settle(site.loop, round);
        if (round % 3 == 0) {
          client.stream->close();
          site.until([&] { return script.closed(); });
        } else if (round % 3 == 1) {
          client.write(masked(0x88, ""));
          settle(site.loop);
        }
        site.server.reset();
        CHECK(script.closes == 1);
      }
      for (std::thread& thread : threads) thread.join();
      CHECK_FALSE(handle.open());
    }
  }

  TEST_CASE(
      "what another thread sends faster than the loop takes it up is bounded, answered so, and on_drain follows") {
    Site site;
    Script script;
    Handle handle;
    websocket::route<Scripted>(*site.server, "/", {.high_water_mark = 250'000, .max_backpressure = 1'000'000}, script);
    script.open = [&](Connection& peer) { handle = peer.handle(); };
    Recorder& client = open_websocket(site);
    const std::string message(100'000, 'x');
    std::map<SendStatus, int> answers;
    std::thread([&] {
      for (int count = 0; count < 2000; ++count) ++answers[handle.send(message)];
    }).join();
    CHECK(answers[SendStatus::sent] == 2);
    CHECK(answers[SendStatus::queued] == 7);
    CHECK(answers[SendStatus::dropped] == 1991);
    script.events.clear();
    site.until([&] { return client.received.size() >= 9 * message.size(); });
    settle(site.loop);
    CHECK(script.events == std::vector<std::string>{"drain"});
    CHECK(count_of(client.received, plain(0x82, message)) + count_of(client.received, plain(0x81, message)) == 9);
    std::thread([&] { CHECK(handle.send("room again") == SendStatus::sent); }).join();
    site.until_received(client, "room again");
    site.server.reset();
  }

  TEST_CASE("messages to a peer that takes nothing are dropped, or close it, by the policy of its route") {
    for (const auto policy : {websocket::Backpressure::drop, websocket::Backpressure::close}) {
      Site site;
      Script script;
      Handle handle;
      websocket::route<Scripted>(*site.server, "/", {.max_backpressure = 300'000, .backpressure = policy}, script);
      script.open = [&](Connection& peer) { handle = peer.handle(); };
      Recorder& client = open_websocket(site);
      client.stream->pause();
      const std::string message(100'000, 'x');
      std::map<SendStatus, int> answers;
      for (int round = 0; round < 20; ++round) {
        std::thread([&] { ++answers[handle.send(message)]; }).join();
        settle(site.loop);
      }
      const SendStatus refused = policy == websocket::Backpressure::drop ? SendStatus::dropped : SendStatus::closed;
      CHECK(answers[refused] >= 15);
      CHECK(answers[refused] + answers[SendStatus::sent] + answers[SendStatus::queued] == 20);
      site.server.reset();
      CHECK(script.info.cause ==
            (policy == websocket::Backpressure::drop ? websocket::Cause::shutdown : websocket::Cause::backpressure));
    }
  }

  TEST_CASE("a loop that is full drops messages, refuses actions and takes a close") {
    Site site;
    Script script;
    Handle handle;
    websocket::route<Scripted>(*site.server, "/", script);
    script.open = [&](Connection& peer) { handle = peer.handle(); };
    Recorder& client = open_websocket(site);
    site.loop.set_post_limits({.max_tasks = 0, .max_bytes = 0});
    script.events.clear();
    std::thread([&] {
      CHECK(handle.send("x") == SendStatus::dropped);
      CHECK(handle.run([](Connection&) { FAIL("run"); }) == PostStatus::full);
    }).join();
    site.until([&] { return !script.events.empty(); });
    CHECK(script.events.front() == "drain");
    std::thread([&] { CHECK(handle.close(websocket::CloseCode::normal, "done")); }).join();
    site.until_received(client, plain(0x88, farewell(1000, "done")));
    site.server.reset();
  }
}
