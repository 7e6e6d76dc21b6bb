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

TEST_CASE("compression is answered as it was offered, and not where the route has none") {
  Site site;
  const websocket::Callbacks nothing;
  constexpr websocket::DeflateOptions small = {.own_takeover = true, .own_window_bits = 12};
  websocket::route(*site.server, "/none", nothing);
  websocket::route(*site.server, "/on", nothing, Options{.deflate = websocket::DeflateOptions{}});
  websocket::route(*site.server, "/small", nothing, Options{.deflate = small});
  websocket::route(*site.server, "/later", nothing,
                   Options{.authorize = [](const http::Request&, websocket::Decision decision) { decision.accept(); },
                           .deflate = websocket::DeflateOptions{}});
  const auto answer = [&](const char* path, std::initializer_list<const char*> lines) {
    std::string fields;
    for (const char* line : lines) fields += "Sec-WebSocket-Extensions: " + std::string(line) + "\r\n";
    Recorder& client = site.connect();
    client.write(upgrade(path, fields));
    site.until_received(client, "\r\n\r\n");
    CHECK(client.received.starts_with("HTTP/1.1 101 "));
    const std::string name = "Sec-WebSocket-Extensions: ";
    const std::size_t at = client.received.find(name);
    if (at == std::string::npos) return std::string("none");
    CHECK(count_of(client.received, name) == 1);
    return client.received.substr(at + name.size(), client.received.find("\r\n", at) - at - name.size());
  };
  const std::string no_takeover = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  const char* const chromium = "permessage-deflate; client_max_window_bits";
  CHECK(answer("/none", {chromium}) == "none");
  CHECK(answer("/on", {}) == "none");
  CHECK(answer("/on", {"permessage-deflate"}) == no_takeover);
  CHECK(answer("/later", {chromium}) == no_takeover);
  CHECK(answer("/on", {"permessage-bzip2", "permessage-deflate"}) == no_takeover);
  CHECK(answer("/on", {"permessage-bzip2, permessage-deflate; odd"}) == "none");
  CHECK(answer("/on", {"permessage-deflate; odd", "permessage-deflate; server_max_window_bits=10"}) ==
        no_takeover + "; server_max_window_bits=10");
  CHECK(answer("/small", {"permessage-deflate"}) == "permessage-deflate; client_no_context_takeover");
  CHECK(answer("/small", {"permessage-deflate; server_max_window_bits=15"}) ==
        "permessage-deflate; client_no_context_takeover; server_max_window_bits=12");
  site.server.reset();
}
