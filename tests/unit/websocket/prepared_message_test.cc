#include <doctest/doctest.h>
#include <support/deflated.h>
#include <support/json_text.h>
#include <tidewire/websocket/frame_forms.h>
#include <tidewire/websocket/prepared_message.h>
#include <thread>

using namespace tidewire;
using namespace tidewire::testing;
using support::json_text;
using websocket::Connection;
using websocket::PreparedMessage;

TEST_CASE("a prepared message is a copy, of either type") {
  std::string text = "hello";
  const PreparedMessage prepared(text);
  const PreparedMessage binary(as_bytes(text));
  text = "other";
  const PreparedMessage copy = prepared;
  CHECK(copy.message().text() == "hello");
  CHECK(copy.message().is_text());
  CHECK(binary.message().is_binary());
}

TEST_CASE("a prepared message goes to each connection in the form that was agreed with it") {
  const std::string text = json_text(1000);
  const PreparedMessage prepared(text);
  Script script;
  Site site;
  websocket::route<Scripted>(*site.server, "/", websocket::Options{.deflate = websocket::DeflateOptions{}}, script);
  std::vector<Connection*> peers;
  script.open = [&](Connection& peer) { peers.push_back(&peer); };
  Recorder& bare = open_websocket(site);
  Recorder& first = open_deflating(site);
  Recorder& second = open_deflating(site, "permessage-deflate; server_max_window_bits=9");
  for (Connection* peer : peers) CHECK(peer->send(prepared) == SendStatus::sent);
  settle(site.loop);
  CHECK(bare.received == plain(0x81, text));
  CHECK(rsv1(first.received));
  CHECK(DeflateReader({}).read(first.received) == std::vector{text});
  CHECK(DeflateReader({.peer_window_bits = 9}).read(second.received) == std::vector{text});
}

TEST_CASE("a prepared message keeps its place among other messages where messages refer to earlier ones") {
  const std::string text = json_text(1000);
  const PreparedMessage prepared(text);
  for (const bool own_form : {false, true}) {
    Script script;
    Site site;
    const websocket::DeflateOptions deflate{.own_takeover = true, .published_with_takeover = own_form};
    websocket::route<Scripted>(*site.server, "/", websocket::Options{.deflate = deflate}, script);
    Connection* peer = nullptr;
    script.open = [&](Connection& opened) { peer = &opened; };
    Recorder& client = open_deflating(site);
    std::vector<std::string> sent;
    const auto send = [&](const std::string& own) {
      static_cast<void>(peer->send(own));
      static_cast<void>(peer->send(prepared));
      sent.insert(sent.end(), {own, text});
    };
    for (unsigned seed = 0; seed < 5; ++seed) send(json_text(700, seed));
    // While a message in parts is under way, what is sent waits for its end.
    const std::string parts = json_text(900, 9);
    static_cast<void>(peer->send_part(parts.substr(0, 500), false));
    static_cast<void>(peer->send(prepared));
    static_cast<void>(peer->send_part(parts.substr(500), true));
    sent.insert(sent.end(), {parts, text});
    send(json_text(700, 3));
    settle(site.loop);
    DeflateReader reader({.peer_takeover = true});
    CHECK(reader.read(client.received) == sent);
  }
}

TEST_CASE("a prepared message is sent by handles from other threads, and is not sent once a connection has closed") {
  Site site;
  Script script;
  websocket::Handle handle;
  websocket::route<Scripted>(*site.server, "/", script);
  script.open = [&](Connection& peer) { handle = peer.handle(); };
  Recorder& client = open_websocket(site);
  const PreparedMessage prepared("news");
  std::thread([&] { CHECK(handle.send(prepared) == SendStatus::sent); }).join();
  site.until_received(client, plain(0x81, "news"));
  handle.close();
  CHECK(handle.run([&](Connection& peer) { CHECK(peer.send(prepared) == SendStatus::closed); }));
  site.server.reset();
  CHECK(handle.send(prepared) == SendStatus::closed);
}

TEST_CASE("threads compress the same prepared message at the same time" * doctest::test_suite("threaded")) {
  const std::string text = json_text(4000);
  const PreparedMessage prepared(text);
  const auto work = [prepared, &text] {
    websocket::DeflateEngines engines;
    Buffer scratch;
    Budget budget;
    for (std::uint8_t bits = 9; bits <= 15; ++bits) {
      const SharedBytes frame = prepared.frame({.window_bits = bits, .level = 3}, engines, scratch, budget);
      CHECK(DeflateReader({.peer_window_bits = bits}).read(as_text(frame.view())) == std::vector{text});
    }
  };
  std::thread other(work);
  work();
  other.join();
}
