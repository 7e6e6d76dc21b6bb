#include <doctest/doctest.h>
#include <support/allocations.h>
#include <support/consumers.h>
#include <support/descriptor.h>
#include <support/run.h>
#include <tidewire/core/shared_bytes.h>
#include <tidewire/transport/listener.h>
#include <tidewire/transport/memory_stream.h>
#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

using namespace tidewire;
using namespace tidewire::testing;
using transport::Address;
using transport::Listener;
using transport::StreamPtr;

namespace {

/// A client without a loop or memory of its own: what it got, checked against what it should get.
struct Client {
  explicit Client(const Address& where) : socket(connect_to(where)) {}

  /// Takes what has come. False once the connection has ended.
  bool take(std::string_view expected) {
    static std::array<char, 65536> buffer;
    for (;;) {
      const ssize_t size = ::recv(socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (size < 0 && errno == EAGAIN) return true;
      if (size <= 0) return ended = true, false;
      const std::string_view piece(buffer.data(), static_cast<std::size_t>(size));
      whole = whole && expected.substr(std::min(got, expected.size()), piece.size()) == piece;
      got += piece.size();
    }
  }

  Descriptor socket;
  std::size_t got = 0;
  bool whole = true;  // No byte was wrong or missing in between.
  bool ended = false;
};

struct Server {
  Server() {
    loop.set_log_sink({});
    listener = Listener::open(loop, Address::parse("127.0.0.1:0").value(), {}, [this](StreamPtr stream) {
                 peers.push_back(std::make_unique<Echo>(std::move(stream)));
               }).value();
  }
  Loop loop;
  std::unique_ptr<Listener> listener;
  std::vector<std::unique_ptr<Echo>> peers;
};

/// One conversation while allocation number `number` fails: it succeeds, or its connection ends; whatever
/// arrives is what was sent, without a hole; and another connection goes on. False when none failed.
bool survives(std::size_t number, bool forever) {
  static const std::string text = pattern(1 << 20);
  static const std::string all = "hello" + text + text + "again";
  static const SharedBytes shared = SharedBytes::copy_of(as_bytes(text));
  Server server;
  server.peers.reserve(4);
  Client bystander(server.listener->address());
  run_until(server.loop, [&] { return server.peers.size() == 1; });
  Client client(server.listener->address());
  client.socket.send("hello");

  Allocations::fail(number, forever);
  for (int turn = 0; turn < 50; ++turn) server.loop.run_once(false);
  if (server.peers.size() == 2) {
    transport::Stream& stream = *server.peers[1]->stream;
    // From outside of any callback, more than the system takes.
    stream.write(as_bytes(text).first(100));
    stream.write(as_bytes(text).subspan(100));
    stream.write(shared);
    stream.write(as_bytes("again"));
    stream.end();
  }
  for (int turn = 0; turn < 400 && client.take(all); ++turn) server.loop.run_once(false);
  const bool failed = Allocations::failed;
  Allocations::work();

  // What could not be told for lack of memory was told by closing.
  for (int turn = 0; turn < 100 && client.take(all); ++turn) server.loop.run_once(false);
  CHECK(client.whole);
  CHECK(client.ended);
  if (!failed) CHECK(client.got == all.size());
  bystander.socket.send("still here?");
  run_until(server.loop, [&] { return !bystander.take("still here?") || bystander.got == 11; });
  CHECK(bystander.whole);
  CHECK(bystander.got == 11);
  return failed;
}

}  // namespace

TEST_CASE("one allocation that fails ends its connection at the most") {
  std::size_t number = 1;
  while (survives(number, false)) ++number;
  CHECK(number > 5);
}

TEST_CASE("a time without any memory ends the connections that need some, and no other") {
  std::size_t number = 1;
  while (survives(number, true)) ++number;
  CHECK(number > 5);
}

TEST_CASE("a loop that finds no memory for itself throws, and leaves nothing behind") {
  std::size_t number = 1;
  for (;; ++number) {
    Allocations::fail(number, false);
    try {
      const Loop loop;
      Allocations::work();
      break;
    } catch (const std::bad_alloc&) {
      Allocations::work();
    }
  }
  CHECK(number > 2);
}

TEST_CASE("a listener that finds no memory throws, and leaves nothing behind") {
  Loop loop;
  const Address where = Address::parse("127.0.0.1:0").value();
  std::size_t number = 1;
  for (;; ++number) {
    Allocations::fail(number, false);
    try {
      const auto listener = Listener::open(loop, where, {}, [](StreamPtr) {});
      Allocations::work();
      break;
    } catch (const std::bad_alloc&) {
      Allocations::work();
    }
  }
  CHECK(number > 2);
}

TEST_CASE("a memory stream that finds no memory fails, and has left no hole") {
  const std::string text = pattern(100'000);
  for (std::size_t number = 1;; ++number) {
    Loop loop;
    auto [one, other] = transport::memory_pair(loop);
    Recorder near(std::move(one));
    Recorder far(std::move(other));
    near.failures.reserve(1);
    far.failures.reserve(1);
    Allocations::fail(number, false);
    for (int round = 0; round < 3; ++round) near.write(text);
    for (int turn = 0; turn < 50; ++turn) loop.run_once(false);
    const bool failed = Allocations::failed;
    Allocations::work();
    settle(loop);
    CHECK((text + text + text).starts_with(far.received));
    if (!failed) {
      CHECK(far.received.size() == 3 * text.size());
      break;
    }
    CHECK(near.failures.size() + far.failures.size() >= 1);
  }
}

TEST_CASE("a reserve that finds no memory throws, and the stream goes on") {
  Loop loop;
  auto [one, other] = transport::memory_pair(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  Allocations::fail(1, false);
  bool threw = false;
  try {
    (void)near.stream->reserve(100'000);
  } catch (const std::bad_alloc&) {
    threw = true;
  }
  Allocations::work();
  CHECK(threw);
  near.write("text");
  run_until(loop, [&] { return far.received == "text"; });
}
