#include <doctest/doctest.h>
#include <support/web.h>
#include <tidewire/websocket/decision.h>
#include <optional>
#include <stdexcept>
#include <thread>

using namespace tidewire;
using namespace tidewire::testing;
using websocket::Decision;
using websocket::Options;

namespace {

struct Door : Site {
  Door() {
    Options options;
    options.authorize = [this](const http::Request& request, Decision its) {
      path = request.path();
      if (at_once) at_once(its);
      decision = std::move(its);
    };
    websocket::route<Scripted>(*server, "/", std::move(options), script);
  }
  ~Door() {
    server.reset();
    decision.reset();
  }
  Recorder& knock(std::string_view more = {}) {
    Recorder& client = connect();
    client.write(upgrade("/") + std::string(more));
    until([&] { return decision.has_value(); });
    return client;
  }
  std::function<void(const Decision&)> at_once;
  std::optional<Decision> decision;
  std::string path;
  Script script;
};

}  // namespace

TEST_SUITE_BEGIN("decision");

TEST_CASE("a refusal may carry header fields of the application's") {
  Door door;
  Recorder& client = door.knock();
  door.decision->reject([](http::Response& response) {
    response.header("WWW-Authenticate", "Bearer").send(http::Status::unauthorized, "who are you?\n");
  });
  door.decision->accept();
  door.until([&] { return client.received.ends_with("who are you?\n"); });
  CHECK(client.received.starts_with("HTTP/1.1 401 "));
  CHECK(client.received.find("WWW-Authenticate: Bearer\r\n") != std::string::npos);
  CHECK(door.script.events.empty());
}

TEST_CASE("a handshake is accepted or refused at once or later, and only the first answer counts") {
  Door door;
  SUBCASE("accepted at once") {
    door.at_once = [](const Decision& decision) {
      decision.accept();
      decision.reject();
      decision.accept();
    };
    await_upgrade(door, door.knock());
    CHECK(door.script.events == std::vector<std::string>{"open"});
  }
  SUBCASE("accepted later") {
    Recorder& client = door.knock();
    door.decision->accept();
    door.decision->accept();
    door.decision->reject();
    await_upgrade(door, client);
    door.decision->accept();
    settle(door.loop);
    CHECK(door.script.events == std::vector<std::string>{"open"});
  }
  SUBCASE("refused at once") {
    door.at_once = [](const Decision& decision) {
      decision.reject(http::Status::unauthorized, "no\n");
      decision.accept();
    };
    door.until_received(door.knock(), "HTTP/1.1 401 ");
    CHECK(door.script.events.empty());
  }
  SUBCASE("refused later") {
    Recorder& client = door.knock();
    door.decision->reject();
    door.decision->accept();
    door.until_received(client, "HTTP/1.1 403 ");
    CHECK(door.script.events.empty());
  }
}

TEST_CASE("bytes that come while the decision is pending are the first of the connection's") {
  Door door;
  Recorder& client = door.knock(masked(0x81, "one"));
  client.write(masked(0x81, "two") + masked(0x81, std::string(50'000, 'x')));
  settle(door.loop);
  CHECK(door.script.events.empty());
  door.decision->accept();
  door.until([&] { return door.script.events.size() == 4; });
  CHECK(door.script.events.at(1) == "text one");
  CHECK(door.script.events.at(2) == "text two");
}

TEST_CASE("a decision that is dropped becomes a 500") {
  Door door;
  Recorder& client = door.knock();
  door.decision.reset();
  door.until_received(client, "HTTP/1.1 500 ");
}

TEST_CASE("a decision for a client that has gone, or a server that has gone, does nothing") {
  Door door;
  Recorder& client = door.knock();
  SUBCASE("the client") {
    client.write("x");
    settle(door.loop);
    client.stream->close();
    settle(door.loop);
    door.decision->accept();
    settle(door.loop);
    CHECK(count_of(client.received, "101") == 0);
  }
  SUBCASE("the server") {
    door.server.reset();
    door.decision->accept();
    CHECK(door.script.events.empty());
  }
  CHECK(door.script.events.size() == 2 * static_cast<std::size_t>(door.script.closes));
}

TEST_CASE("a server that is destroyed while it asks lets nobody in") {
  Door door;
  door.at_once = [&](const Decision& decision) {
    door.server.reset();
    decision.accept();
  };
  Recorder& client = door.connect();
  client.write(upgrade("/"));
  door.until_over(client);
  CHECK(door.script.events.empty());
}

TEST_CASE("a connection that is let in while the server drains is told goodbye") {
  Door door;
  Recorder& client = door.knock();
  door.server->drain(std::chrono::seconds(30), {});
  door.decision->accept();
  door.until_received(client, plain(0x88, farewell(1001)));
}

TEST_SUITE_END();

TEST_SUITE("threaded") {
  TEST_CASE("decisions are made and dropped by other threads, also after the loop ended") {
    for (int round = 0; round < 20; ++round) {
      std::vector<std::thread> threads;
      {
        Door door;
        Recorder& client = door.knock();
        threads.emplace_back([decision = *door.decision, round] {
          if (round % 3 == 0) decision.accept();
          if (round % 3 == 1) decision.reject();
        });
        door.decision.reset();
        if (round % 2 == 0) door.until([&] { return !client.received.empty(); });
      }
      for (std::thread& thread : threads) thread.join();
    }
  }
}
