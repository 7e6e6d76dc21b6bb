#include <doctest/doctest.h>
#include <support/allocations.h>
#include <support/descriptor.h>
#include <support/web.h>
#include <tidewire/websocket/topics.h>
#include <array>

// "The hot path allocates nothing", for messages and for requests: clients that allocate nothing themselves.

using namespace tidewire;
using namespace tidewire::testing;

namespace {

struct Service {
  Service() {
    websocket::route(server, "/echo", {.on_message = [](auto& peer, const auto& message) { peer.send(message); }});
    websocket::route(server, "/all",
                     {.on_open = [this](auto& peer) { topics.subscribe(peer, "all"); },
                      .on_message = [this](auto&, const auto& m) { topics.publish("all", m); }});
    server.get("/", [](const http::Request&, http::Response& response) { response.send("Hello, World!"); });
    address = server.listen("127.0.0.1:0").value();
  }

  Descriptor websocket(std::string_view path) {
    Descriptor client = connect_to(address);
    client.send(upgrade(path));
    std::string got;
    std::array<char, 4096> buffer;
    run_until(loop, [&] {
      const ssize_t count = ::recv(client.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (count > 0) got.append(buffer.data(), static_cast<std::size_t>(count));
      return got.ends_with("\r\n\r\n");
    });
    REQUIRE(got.starts_with("HTTP/1.1 101 "));
    return client;
  }
  void receive(const Descriptor& client, std::size_t size) {
    static std::array<char, 65536> buffer;
    for (int turn = 0; size > 0 && turn < 100'000; ++turn) {
      loop.run_once(false);
      const ssize_t count = ::recv(client.get(), buffer.data(), std::min(size, buffer.size()), MSG_DONTWAIT);
      if (count > 0) size -= static_cast<std::size_t>(count);
    }
    if (size > 0) FAIL("the server does not answer");
  }
  /// How many allocations a thousand rounds make, after some that fill the pools.
  template <class Round>
  static std::size_t allocations(Round round) {
    for (int warm = 0; warm < 100; ++warm) round();
    const std::size_t before = Allocations::made;
    for (int count = 0; count < 1000; ++count) round();
    return Allocations::made - before;
  }

  Loop loop;
  websocket::Topics topics{loop};
  http::Server server{loop};
  transport::Address address;
};

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int count = 0; count < times; ++count) all += text;
  return all;
}

}  // namespace

TEST_CASE("a WebSocket echo allocates nothing, short, pipelined and long") {
  Service service;
  const Descriptor client = service.websocket("/echo");
  for (const auto& [bytes, times] : {std::pair{20, 1}, {20, 16}, {1024, 1}, {30'000, 1}}) {
    const auto size = static_cast<std::size_t>(bytes);
    const std::string sent = repeated(masked(0x82, pattern(size)), times);
    const std::size_t answer = repeated(plain(0x82, pattern(size)), times).size();
    CAPTURE(size);
    CHECK(Service::allocations([&] {
            (void)::send(client.get(), sent.data(), sent.size(), MSG_NOSIGNAL);
            service.receive(client, answer);
          }) == 0);
  }
}

TEST_CASE("a publish allocates its frame once, however many get it") {
  Service service;
  std::vector<Descriptor> clients;
  for (int count = 0; count < 20; ++count) clients.push_back(service.websocket("/all"));
  const std::string sent = masked(0x81, pattern(100));
  CHECK(Service::allocations([&] {
          (void)::send(clients.front().get(), sent.data(), sent.size(), MSG_NOSIGNAL);
          for (const Descriptor& client : clients) service.receive(client, 102);
        }) == 1000);
}

TEST_CASE("a GET allocates nothing, alone and pipelined") {
  Service service;
  const Descriptor client = connect_to(service.address);
  client.send(get("/"));
  std::string answer;
  std::array<char, 4096> buffer;
  run_until(service.loop, [&] {
    const ssize_t count = ::recv(client.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count > 0) answer.append(buffer.data(), static_cast<std::size_t>(count));
    return answer.ends_with("Hello, World!");
  });
  for (const int times : {1, 16}) {
    const std::string sent = repeated(get("/", "User-Agent: test\r\nAccept: */*\r\n"), times);
    CHECK(Service::allocations([&] {
            (void)::send(client.get(), sent.data(), sent.size(), MSG_NOSIGNAL);
            service.receive(client, answer.size() * static_cast<std::size_t>(times));
          }) == 0);
  }
}
