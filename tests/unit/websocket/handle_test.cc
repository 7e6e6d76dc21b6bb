#include <doctest/doctest.h>
#include <support/web.h>
#include <tidewire/websocket/handle.h>
#include <optional>
#include <stdexcept>
#include <thread>

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
}
