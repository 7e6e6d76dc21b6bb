#include <doctest/doctest.h>
#include <support/web.h>
#include <algorithm>

// The same conversations over every kind of stream: what a live connection does with what breaks the rules.

using namespace tidewire;
using namespace tidewire::testing;
using namespace std::chrono_literals;
using websocket::Cause;
using websocket::CloseCode;
using websocket::Connection;
using websocket::Message;

namespace {

struct EchoSite : Site {
  EchoSite() {
    websocket::route<Scripted>(*server, "/", {.max_message_size = 1000, .max_fragments = 10, .close_timeout = 100ms},
                               script);
    script.message = [](Connection& peer, const Message& message) { peer.send(message); };
  }
  ~EchoSite() { server.reset(); }
  Script script;
};

struct Violation {
  const char* what;
  std::string bytes;
  unsigned code;
  Cause cause;
};

std::vector<Violation> violations() {
  const auto with = [](std::initializer_list<int> bytes, std::string_view rest = {}) {
    std::string text;
    for (const int byte : bytes) text += static_cast<char>(byte);
    return text + std::string(rest);
  };
  return {
      {"unmasked", plain(0x81, "evil"), 1002, Cause::protocol_error},
      {"RSV1", masked(0xC1, "evil"), 1002, Cause::protocol_error},
      {"RSV2 on a ping", masked(0xA9, ""), 1002, Cause::protocol_error},
      {"RSV on a continuation", masked(0x01, "a") + masked(0x90, "b"), 1002, Cause::protocol_error},
      {"reserved opcode", masked(0x83, "evil"), 1002, Cause::protocol_error},
      {"reserved control opcode", masked(0x8B, "evil"), 1002, Cause::protocol_error},
      {"non-minimal 16 bits", with({0x81, 0xFE, 0, 4, 0, 0, 0, 0}, "evil"), 1002, Cause::protocol_error},
      {"non-minimal 64 bits", with({0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0}, "evil"), 1002,
       Cause::protocol_error},
      {"top bit of 64", with({0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), 1002, Cause::protocol_error},
      {"long ping", masked(0x89, std::string(126, 'x')), 1002, Cause::protocol_error},
      {"fragmented ping", masked(0x09, ""), 1002, Cause::protocol_error},
      {"continuation of nothing", masked(0x80, "evil"), 1002, Cause::protocol_error},
      {"message in a message", masked(0x01, "a") + masked(0x81, "evil"), 1002, Cause::protocol_error},
      {"no UTF-8", masked(0x81, "\xC0\xAF"), 1007, Cause::protocol_error},
      {"half a character at the end", masked(0x81, "\xE2\x82"), 1007, Cause::protocol_error},
      {"half a character across fragments", masked(0x01, "\xE2") + masked(0x80, "x"), 1007, Cause::protocol_error},
      {"Close of one byte", masked(0x88, "x"), 1002, Cause::protocol_error},
      {"Close 1005", masked(0x88, farewell(1005)), 1002, Cause::protocol_error},
      {"Close 1006", masked(0x88, farewell(1006)), 1002, Cause::protocol_error},
      {"Close 999", masked(0x88, farewell(999)), 1002, Cause::protocol_error},
      {"Close 2999", masked(0x88, farewell(2999)), 1002, Cause::protocol_error},
      {"Close 5000", masked(0x88, farewell(5000)), 1002, Cause::protocol_error},
      {"Close with a bad reason", masked(0x88, farewell(1000, "\xFF")), 1007, Cause::protocol_error},
  };
}

}  // namespace

OVER_STREAMS("every violation is answered with its code, told once, and nothing behind it is delivered", tcp,
             unix_socket, memory, tls_over_tcp, tls_over_memory) {
  EchoSite echo;
  Recorder& bystander = echo.connect_by(kind);
  bystander.write(upgrade("/"));
  await_upgrade(echo, bystander);
  for (const Violation& each : violations()) {
    CAPTURE(each.what);
    Recorder& client = echo.connect_by(kind);
    client.write(upgrade("/") + masked(0x81, "good") + each.bytes + masked(0x81, "behind"));
    const int before = echo.script.closes;
    echo.until([&] { return echo.script.closes == before + 1; });
    echo.until_over(client);
    CHECK(client.received.find(plain(0x81, "good")) != std::string::npos);
    CHECK(client.received.find(farewell(each.code)) != std::string::npos);
    CHECK(echo.script.info.cause == each.cause);
    CHECK(static_cast<unsigned>(echo.script.info.code) == each.code);
    client.stream->close();
  }
  CHECK(std::ranges::count(echo.script.events, "text behind") == 0);
  CHECK(std::ranges::count(echo.script.events, "text evil") == 0);
  bystander.write(masked(0x81, "still here"));
  echo.until_received(bystander, plain(0x81, "still here"));
}

OVER_STREAMS("what goes over a limit is told with its code, read to its end, and dropped", tcp, unix_socket, memory,
             tls_over_tcp, tls_over_memory) {
  std::string fragments = masked(0x01, "x");
  for (int count = 0; count < 10; ++count) fragments += masked(count == 9 ? 0x80 : 0x00, "");
  const std::vector<std::pair<std::string, unsigned>> refused = {
      {masked(0x82, std::string(1001, 'x')), 1009},
      {masked(0x02, std::string(900, 'x')) + masked(0x80, std::string(900, 'x')), 1009},
      {masked(0x82, std::string(3'000'000, 'x')), 1009},
      {fragments, 1008},
  };
  EchoSite echo;
  for (const auto& [bytes, number] : refused) {
    const unsigned code = number;
    Recorder& client = echo.connect_by(kind);
    client.write(upgrade("/") + masked(0x81, "good") + bytes + masked(0x81, "behind"));
    echo.until([&] { return client.received.find(farewell(code)) != std::string::npos; });
    CHECK(client.received.find(plain(0x81, "good")) != std::string::npos);
    const int before = echo.script.closes;
    // A peer of few words: its Close comes behind all that it had to say.
    client.write(masked(0x88, farewell(code)));
    echo.until_over(client);
    CHECK(client.failures.empty());
    CHECK(echo.script.closes == before + 1);
    CHECK(echo.script.info.cause == Cause::too_large);
    CHECK(static_cast<unsigned>(echo.script.info.code) == code);
    client.stream->close();
  }
  CHECK(std::ranges::count(echo.script.events, "text behind") == 0);
}

TEST_CASE("a peer that has announced more than will ever come, and ends, was refused as too large") {
  EchoSite echo;
  Recorder& client = echo.connect_by(tcp);
  client.write(upgrade("/") + std::string("\x82\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\0\0\0", 14));
  echo.until([&] { return client.received.find(farewell(1009)) != std::string::npos; });
  CHECK(echo.script.closes == 0);
  client.stream->end();
  echo.until([&] { return echo.script.closes == 1; });
  CHECK(echo.script.info.cause == Cause::too_large);
  CHECK(echo.script.info.code == CloseCode::message_too_big);
}

OVER_STREAMS("every code that may be sent reaches the application and comes back", tcp, unix_socket, memory,
             tls_over_tcp, tls_over_memory) {
  EchoSite echo;
  for (const unsigned code : {1000U, 1001U, 1003U, 1007U, 1011U, 1012U, 1014U, 3000U, 4999U}) {
    Recorder& client = echo.connect_by(kind);
    client.write(upgrade("/") + masked(0x88, farewell(code, "why")));
    echo.until_over(client);
    CHECK(client.received.ends_with(plain(0x88, farewell(code))));
    CHECK(static_cast<unsigned>(echo.script.info.code) == code);
    CHECK(echo.script.reason == "why");
  }
}

TEST_CASE("bytes that arrive one by one, through a stream that takes one, give the same events") {
  EchoSite echo;
  const std::string text = pattern(300);
  const std::string sent = upgrade("/") + masked(0x81, "hello") + masked(0x01, "fr") + masked(0x89, "p") +
                           masked(0x80, "ag") + masked(0x82, text) + masked(0x88, farewell(1000));
  Recorder& client = echo.connect({.capacity_bytes = 1, .chunk_bytes = 1});
  client.write(sent);
  echo.until_over(client);
  CHECK(echo.script.events ==
        std::vector<std::string>{"open", "text hello", "ping p", "text frag", "binary " + text, "close"});
  CHECK(client.received.ends_with(plain(0x81, "hello") + plain(0x8A, "p") + plain(0x81, "frag") + plain(0x82, text) +
                                  plain(0x88, farewell(1000))));
}

TEST_CASE("a reset at every step of a conversation ends the connection once, and nobody else notices") {
  const std::string sent = upgrade("/") + masked(0x81, "hello") + masked(0x01, "fr") + masked(0x89, "p") +
                           masked(0x80, "ag") + masked(0x88, farewell(1000));
  EchoSite echo;
  Recorder& bystander = open_websocket(echo);
  for (std::size_t step = 0; step < sent.size(); ++step) {
    Recorder& client = echo.connect({.chunk_bytes = 5, .reset_after_bytes = step});
    client.write(sent);
    echo.until_over(client);
    client.stream->close();
    echo.until([&] { return echo.server->open_connections().value() == 1; });
    REQUIRE(std::ranges::count(echo.script.events, "open") == echo.script.closes + 1);
  }
  bystander.write(masked(0x81, "still here"));
  echo.until_received(bystander, plain(0x81, "still here"));
}

TEST_CASE("a handshake that breaks a rule is refused with its status, and opens nothing") {
  EchoSite echo;
  const auto request = [](std::string_view first, std::string_view fields) {
    return std::string(first) + "\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + std::string(fields) +
           "\r\n";
  };
  const std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  const std::string version = "Sec-WebSocket-Version: 13\r\n";
  const std::string line = "GET / HTTP/1.1";
  const std::vector<std::pair<std::string, const char*>> cases = {
      {request(line, version), "400"},
      {request(line, version + key + key), "400"},
      {request(line, version + "Sec-WebSocket-Key: short\r\n"), "400"},
      {request(line, key), "426"},
      {request(line, key + "Sec-WebSocket-Version: 8\r\n"), "426"},
      {request("POST / HTTP/1.1", key + version), "405"},
      {request(line, key + version + "Origin: https://evil.example\r\n"), "403"},
      {request(line, key + version + "Origin: null\r\n"), "403"},
      {request(line, key + version + "Content-Length: 5\r\n") + "hello", "400"},
      {get("/", "Upgrade: xwebsocket\r\nConnection: Upgrade\r\n" + key + version), "426"},
      {get("/", "Upgrade: websocket\r\nConnection: xUpgrade\r\n" + key + version), "426"},
      {get("/", ""), "426"},
  };
  for (const auto& [sent, status] : cases) {
    const std::string& text = sent;
    CAPTURE(text);
    Recorder& client = echo.connect();
    client.write(text);
    echo.until([&] { return client.received.find("\r\n\r\n") != std::string::npos; });
    CHECK(client.received.substr(9, 3) == status);
  }
  CHECK(echo.script.events.empty());
}
