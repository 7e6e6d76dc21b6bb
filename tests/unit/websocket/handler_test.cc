#include <doctest/doctest.h>
#include <support/web.h>
#include <tidewire/websocket/handler.h>

using namespace tidewire;
using namespace tidewire::testing;

TEST_CASE("a handler that overrides nothing takes everything") {
  struct Quiet final : websocket::Handler {};
  Site site;
  websocket::route<Quiet>(*site.server, "/");
  Recorder& client = open_websocket(site);
  client.write(masked(0x81, "text") + masked(0x89, "ping") + masked(0x8A, "pong") + masked(0x88, farewell(1000)));
  site.until_over(client);
  CHECK(client.received == plain(0x8A, "ping") + plain(0x88, farewell(1000)));
}

TEST_CASE("a handler that takes fragments gets them as they come, and no message") {
  Site site;
  Script script;
  websocket::route<Scripted>(*site.server, "/", {.deliver_fragments = true}, script);
  Recorder& client = open_websocket(site);
  client.write(masked(0x01, "a") + masked(0x80, "b") + masked(0x81, "c") + masked(0x88, ""));
  site.until_over(client);
  CHECK(script.events == std::vector<std::string>{"open", "fragment a", "fragment b.", "fragment c.", "close"});
  site.server.reset();
}
