#include <doctest/doctest.h>
#include <support/allocations.h>
#include <support/consumers.h>
#include <support/descriptor.h>
#include <support/run.h>
#include <tidewire/core/shared_bytes.h>
#include <tidewire/transport/listener.h>
#include <array>
#include <memory>
#include <string>
#include <vector>

// "The hot path allocates nothing": counted, on the server's side, with clients that allocate nothing themselves.

using namespace tidewire;
using namespace tidewire::testing;
using transport::Address;
using transport::Listener;
using transport::StreamPtr;

namespace {

/// Sends back what comes.
struct Mirror final : Recorder {
  using Recorder::Recorder;
  void on_data(MutableBytes bytes) override { stream->write(bytes); }
};

struct Server {
  explicit Server(std::size_t connections) {
    listener = Listener::open(loop, Address::parse("127.0.0.1:0").value(), {}, [this](StreamPtr stream) {
                 peers.push_back(std::make_unique<Mirror>(std::move(stream)));
               }).value();
    for (std::size_t index = 0; index < connections; ++index) clients.push_back(connect_to(listener->address()));
    run_until(loop, [&] { return peers.size() == connections; });
  }

  /// Has the client receive `size` bytes, while the loop takes its turns.
  void receive(const Descriptor& client, std::size_t size) {
    static std::array<char, 65536> buffer;
    for (int turn = 0; size > 0 && turn < 10'000; ++turn) {
      loop.run_once(false);
      const ssize_t count = ::recv(client.get(), buffer.data(), std::min(size, buffer.size()), MSG_DONTWAIT);
      if (count > 0) size -= static_cast<std::size_t>(count);
    }
    if (size > 0) FAIL("the server does not answer");
  }

  Loop loop;
  std::unique_ptr<Listener> listener;
  std::vector<std::unique_ptr<Mirror>> peers;
  std::vector<Descriptor> clients;
};

/// How many allocations a thousand rounds make, after some that fill the pools.
template <class Round>
std::size_t allocations(Round round) {
  for (int warm = 0; warm < 100; ++warm) round();
  const std::size_t before = Allocations::made;
  for (int count = 0; count < 1000; ++count) round();
  return Allocations::made - before;
}

}  // namespace

TEST_CASE("an echo over TCP allocates nothing") {
  Server server(1);
  const std::string message = pattern(200);
  CHECK(allocations([&] {
          (void)::send(server.clients[0].get(), message.data(), message.size(), MSG_NOSIGNAL);
          server.receive(server.clients[0], message.size());
        }) == 0);
}

TEST_CASE("an echo of large messages over TCP allocates nothing") {
  Server server(1);
  const std::string message = pattern(50'000);
  CHECK(allocations([&] {
          (void)::send(server.clients[0].get(), message.data(), message.size(), MSG_NOSIGNAL);
          server.receive(server.clients[0], message.size());
        }) == 0);
}

TEST_CASE("shared bytes that go to many from outside their callbacks allocate nothing") {
  Server server(20);
  const SharedBytes message = SharedBytes::copy_of(as_bytes(pattern(300)));
  CHECK(allocations([&] {
          for (auto& peer : server.peers) peer->stream->write(message);
          for (const Descriptor& client : server.clients) server.receive(client, message.size());
        }) == 0);
}

TEST_CASE("a message that one sends and all get, the sender too, allocates nothing") {
  Server server(20);
  struct All final : Recorder {
    using Recorder::Recorder;
    void on_data(MutableBytes bytes) override {
      for (auto& peer : *peers) peer->stream->write(bytes);
      stream->write(bytes);
    }
    std::vector<std::unique_ptr<Mirror>>* peers = nullptr;
  } all;
  all.peers = &server.peers;
  all.stream = std::move(server.peers.back()->stream);
  all.stream->attach(all);
  server.peers.pop_back();
  const std::string message = pattern(300);
  CHECK(allocations([&] {
          (void)::send(server.clients.back().get(), message.data(), message.size(), MSG_NOSIGNAL);
          for (const Descriptor& client : server.clients) server.receive(client, message.size());
        }) == 0);
}

TEST_CASE("deadlines are armed, moved and disarmed without an allocation") {
  struct Alarm final : Deadline {
    void on_deadline() noexcept override {}
  };
  Loop loop;
  std::array<Alarm, 100> alarms;
  CHECK(allocations([&] {
          for (Alarm& alarm : alarms) loop.arm(alarm, std::chrono::seconds(1));
          loop.run_once(false);
          for (Alarm& alarm : alarms) loop.disarm(alarm);
        }) == 0);
}
