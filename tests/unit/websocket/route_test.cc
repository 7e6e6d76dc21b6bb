#include <doctest/doctest.h>
#include <support/web.h>
#include <tidewire/websocket/route.h>
#include <stdexcept>

using namespace tidewire;
using namespace tidewire::testing;
using websocket::Connection;
using websocket::Message;
using websocket::Options;

namespace {

struct Greeter final : websocket::Handler {
  Greeter(const http::Request& request, const std::string& greeting)
      : text(greeting + std::string(request.param("name"))) {}
  void on_open(Connection& peer) override { peer.send(text); }
  std::string text;
};

}  // namespace

TEST_CASE("a handler is made from its request and its dependencies, kept or referred to") {
  Site site;
  std::string named = "named ";
  websocket::route<Greeter>(*site.server, "/kept/:name", std::string("kept "));
  websocket::route<Greeter>(*site.server, "/named/:name", Options(), named);
  named = "changed ";
  site.until_received(open_websocket(site, "/kept/you"), plain(0x81, "kept you"));
  site.until_received(open_websocket(site, "/named/me"), plain(0x81, "changed me"));
}

TEST_CASE("functions make a handler, and may be left out") {
  Site site;
  std::string seen;
  websocket::route(*site.server, "/", {.on_message = [&](auto&, const auto& message) { seen = message.text(); }});
  Recorder& client = open_websocket(site);
  client.write(masked(0x81, "hello") + masked(0x88, ""));
  site.until_over(client);
  CHECK(seen == "hello");
}

TEST_CASE("a factory that throws, or makes nothing, becomes a 500 before the 101") {
  Site site;
  websocket::route(*site.server, "/throws", Options(),
                   [](const http::Request&) -> std::unique_ptr<websocket::Handler> { throw std::runtime_error("no"); });
  websocket::route(*site.server, "/nothing", Options(),
                   [](const http::Request&) { return std::unique_ptr<websocket::Handler>(); });
  for (const char* path : {"/throws", "/nothing"}) {
    Recorder& client = site.connect();
    client.write(upgrade(path));
    site.until_received(client, "HTTP/1.1 500 ");
  }
}

TEST_CASE("only a subprotocol that was offered is chosen") {
  Site site;
  std::string choice;
  std::string got = "none";
  Options options;
  options.choose_subprotocol = [&](const http::Request&, std::span<const std::string_view>) {
    return std::string_view(choice);
  };
  websocket::route(*site.server, "/", {.on_open = [&](Connection& peer) { got = peer.subprotocol(); }}, options);
  for (const auto& [chosen, expected] : {std::pair{"b", "b"}, {"", ""}, {"other", ""}}) {
    choice = chosen;
    Recorder& client = site.connect();
    client.write(upgrade("/", "Sec-WebSocket-Protocol: a, b\r\n"));
    site.until_received(client, "\r\n\r\n");
    CHECK(client.received.starts_with("HTTP/1.1 101 "));
    CHECK(got == expected);
    CHECK(count_of(client.received, "Sec-WebSocket-Protocol: b\r\n") == (choice == "b" ? 1U : 0U));
  }
  site.server.reset();
}
