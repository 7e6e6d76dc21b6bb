#include <doctest/doctest.h>
#include <support/allocations.h>
#include <support/descriptor.h>
#include <support/json_text.h>
#include <support/web.h>
#include <support/zlib_peer.h>
#include <tidewire/websocket/topics.h>
#include <array>
#include <cerrno>

using namespace tidewire;
using namespace tidewire::testing;
using websocket::Connection;
using websocket::Message;

namespace {

struct Service {
  Service() {
    loop.set_log_sink({});
    websocket::route(server, "/ws", callbacks());
    websocket::route(server, "/deflated", callbacks(), {.deflate = websocket::DeflateOptions::with_takeover()});
    server.post("/", [](const http::Request& request, http::Response& response) {
      response.header("X-Long", std::string(100, 'x'));
      response.write(request.body());
      const http::Deferred later = response.defer();
      later.run([](http::Response& answer) { answer.end(); });
    });
    address = server.listen("127.0.0.1:0").value();
  }

  websocket::Callbacks callbacks() {
    return {.on_open = [this](Connection& peer) { ++opened, topics.subscribe(peer, "all"); },
            .on_message =
                [this](Connection& peer, const Message& message) {
                  (void)peer.handle();
                  peer.send_part("a", false);
                  peer.send(message);
                  topics.publish("all", message);
                  peer.send_part("b", true);
                  peer.send(message);
                },
            .on_close = [this](Connection&, const websocket::CloseInfo&) { ++closed; }};
  }

  Loop loop;
  websocket::Topics topics{loop};
  http::Server server{loop};
  transport::Address address;
  int opened = 0, closed = 0;
};

/// One conversation while allocation `number` fails: the process goes on, whoever was told of an opening is told of
/// the end, and other clients are served. False when none failed.
bool survives(std::size_t number, bool forever, const std::string& text) {
  Service service;
  Descriptor client = connect_to(service.address);
  client.send(text);
  Allocations::fail(number, forever);
  for (int turn = 0; turn < 60; ++turn) service.loop.run_once(false);
  const bool failed = Allocations::failed;
  Allocations::work();

  const Descriptor other = connect_to(service.address);
  other.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  std::string answer;
  run_until(service.loop, [&] {
    std::array<char, 4096> buffer;
    const ssize_t count = ::recv(other.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count > 0) answer.append(buffer.data(), static_cast<std::size_t>(count));
    return answer.ends_with("0\r\n\r\n");
  });
  client.break_off();
  run_until(service.loop, [&] { return service.server.open_connections().value() == 1; });
  CHECK(service.opened == service.closed);
  CHECK(service.topics.subscribers("all") == 0);
  return failed;
}

void try_all(const std::string& text) {
  for (const bool forever : {false, true}) {
    std::size_t number = 1;
    while (survives(number, forever, text)) ++number;
    CHECK(number > 5);
  }
}

}  // namespace

TEST_CASE("an allocation that fails in a WebSocket conversation ends that connection at the most") {
  const std::string text = pattern(3000);
  try_all(upgrade("/ws") + masked(0x81, "short") + masked(0x01, text) + masked(0x89, "ping") + masked(0x80, text) +
          masked(0x82, text.substr(0, 100)) + masked(0x88, farewell(1000, "bye")));
}

TEST_CASE("an allocation that fails in a compressed conversation ends that connection at the most") {
  const std::string text = support::json_text(3000);
  ZlibDeflater peer(12);
  std::string sent = upgrade("/deflated", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n");
  sent += masked(0xC1, peer(text));
  const std::string again = peer(text);
  sent += masked(0x41, again.substr(0, 5)) + masked(0x89, "ping") + masked(0x80, again.substr(5));
  try_all(sent + masked(0x81, "short") + masked(0x88, farewell(1000, "bye")));
}

TEST_CASE("an allocation that fails in an HTTP conversation ends that connection at the most") {
  try_all("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: y\r\n\r\n" +
          get("/none") + "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + "BAD\r\n\r\n");
}

TEST_CASE("a drain that finds no memory is done all the same") {
  for (std::size_t number = 1;; ++number) {
    Loop loop;
    loop.set_log_sink({});
    http::Server server(loop);
    bool done = false;
    Recorder* client = nullptr;
    auto [ours, theirs] = transport::memory_pair(loop);
    server.serve(std::move(theirs));
    Recorder recorder(std::move(ours));
    client = &recorder;
    settle(loop);
    client->end = [&] { client->stream->close(); };
    server.drain(std::chrono::milliseconds(100), [&] { done = true; });
    Allocations::fail(number, false);
    for (int turn = 0; turn < 20; ++turn) loop.run_once(false);
    const bool failed = Allocations::failed;
    Allocations::work();
    run_until(loop, [&] { return done; });
    if (!failed) break;
  }
}
