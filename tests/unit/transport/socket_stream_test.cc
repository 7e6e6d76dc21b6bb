#include <uv.h>

#include <doctest/doctest.h>
#include <support/consumers.h>
#include <support/run.h>
#include <support/streams.h>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

// What is particular to sockets: which writes leave together, addresses, resets. What all streams promise is in
// stream_test.cc.

using namespace tidewire;
using namespace tidewire::testing;

namespace {

/// A stream over a socket that keeps the bounds of writes, and the raw socket at its other end.
struct Packets {
  explicit Packets(Loop& loop) {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    peer = Descriptor(ends[1]);
    near.emplace(adopt(loop, Descriptor(ends[0])));
  }

  /// Every packet that has come: what one system call wrote.
  [[nodiscard]] std::vector<std::string> arrived() const {
    std::vector<std::string> packets;
    std::string packet(256 * 1024, '\0');
    for (ssize_t size = 0; (size = ::recv(peer.get(), packet.data(), packet.size(), 0)) > 0;) {
      packets.push_back(packet.substr(0, static_cast<std::size_t>(size)));
    }
    return packets;
  }

  Descriptor peer;
  std::optional<Recorder> near;
};

}  // namespace

TEST_CASE("what is written inside a read callback leaves in one system call when it returns") {
  Loop loop;
  Packets packets(loop);
  packets.near->data = [&](std::string_view) {
    packets.near->write("one ");
    std::memcpy(packets.near->stream->reserve(4).data(), "two ", 4);
    packets.near->stream->commit(4);
    packets.near->stream->write(SharedBytes::copy_of(as_bytes("three")));
    CHECK(packets.arrived().empty());
    CHECK(packets.near->stream->queued_bytes() == 0);
  };
  packets.peer.send("go");
  run_until(loop, [&] { return packets.near->data_calls == 1; });
  CHECK(packets.arrived() == std::vector<std::string>{"one two three"});
}

TEST_CASE("a large payload leaves with what precedes it, in one system call") {
  Loop loop;
  Packets packets(loop);
  const std::string large = pattern(40'000);
  packets.near->data = [&](std::string_view) {
    packets.near->write("small ");
    packets.near->stream->write(as_bytes("head "), as_bytes(large));
  };
  packets.peer.send("go");
  run_until(loop, [&] { return packets.near->data_calls == 1; });
  CHECK(packets.arrived() == std::vector<std::string>{"small head " + large});
}

TEST_CASE("what is written outside a read callback leaves in one system call at the end of the turn") {
  Loop loop;
  Packets packets(loop);
  bool fired = false;
  loop.post([&] {
    packets.near->write("one ");
    packets.near->stream->write(SharedBytes::copy_of(as_bytes("two ")));
    packets.near->write("three");
    CHECK(packets.arrived().empty());
    CHECK(packets.near->stream->queued_bytes() == 13);
    fired = true;
  });
  run_until(loop, [&] { return fired; });
  settle(loop);
  CHECK(packets.arrived() == std::vector<std::string>{"one two three"});
  CHECK(packets.near->stream->queued_bytes() == 0);
}

TEST_CASE("held output of one stream does not leave on another") {
  Loop loop;
  Packets one(loop);
  Packets other(loop);
  one.near->data = [&](std::string_view) {
    one.near->write("mine");
    other.near->write("yours");
    one.near->write(" too");
  };
  one.peer.send("go");
  run_until(loop, [&] { return one.near->data_calls == 1; });
  settle(loop);
  CHECK(one.arrived() == std::vector<std::string>{"mine too"});
  CHECK(other.arrived() == std::vector<std::string>{"yours"});
}

TEST_CASE("much output in one turn goes to the system, and is not taken for a slow peer") {
  Loop loop;
  auto [one, other] = connect_tcp(loop);
  Recorder near(std::move(one));
  const std::string piece = pattern(4096);
  std::size_t sent = 0;
  while (sent < 300'000) {
    near.write(piece);
    sent += piece.size();
  }
  CHECK(near.stream->queued_bytes() < 256 * 1024);
  Recorder far(std::move(other));
  run_until(loop, [&] { return far.received.size() == sent; });
  CHECK(near.writables > 0);
}

TEST_CASE("a TCP stream knows both of its addresses, and none once it is closed") {
  Loop loop;
  const auto [one, other] = connect_tcp(loop);
  CHECK(one->local_address() == other->peer_address());
  CHECK(one->peer_address() == other->local_address());
  CHECK(one->local_address().ip() == "127.0.0.1");
  CHECK(one->local_address().port() != 0);
  CHECK(&one->loop() == &loop);
  one->close();
  CHECK(one->peer_address() == transport::Address());
}

TEST_CASE("a reset while output waits fails the connection once") {
  Loop loop;
  auto [raw, ours] = tcp_sockets();
  Recorder near(adopt(loop, std::move(ours)));
  near.write(pattern(16 << 20));
  settle(loop);
  CHECK(near.stream->queued_bytes() > 0);
  raw.break_off();
  run_until(loop, [&] { return !near.failures.empty(); });
  settle(loop);
  CHECK(near.failures.size() == 1);
  CHECK(near.ends == 0);
}

TEST_CASE("a reset while reading is paused is told by the next write") {
  Loop loop;
  auto [raw, ours] = tcp_sockets();
  Recorder near(adopt(loop, std::move(ours)), false);
  raw.break_off();
  settle(loop);
  CHECK(near.failures.empty());
  near.write("anyone?");
  run_until(loop, [&] { return near.failures.size() == 1; });
}

TEST_CASE("a stream that closes while output waits drops it, and its callbacks come clean") {
  Loop loop;
  auto [raw, ours] = tcp_sockets();
  Recorder near(adopt(loop, std::move(ours)));
  near.write(pattern(16 << 20));
  settle(loop);
  near.stream->close();
  run_until(loop, [&] { return near.closes == 1; });
  CHECK(near.failures.empty());
}

TEST_CASE("a stream released while output waits is freed when the system lets go of it") {
  Loop loop;
  auto [raw, ours] = tcp_sockets();
  Recorder near(adopt(loop, std::move(ours)));
  near.write(pattern(16 << 20));
  settle(loop);
  near.stream.reset();
  settle(loop);
  CHECK(near.closes == 0);
}

TEST_CASE("a stream on an adopted loop closes after our loop's end") {
  uv_loop_t theirs;
  REQUIRE(uv_loop_init(&theirs) == 0);
  {
    Loop loop(theirs);
    auto [one, other] = connect_tcp(loop);
    one->write(as_bytes("never sent"));
  }
  uv_run(&theirs, UV_RUN_DEFAULT);
  CHECK(uv_loop_close(&theirs) == 0);
}
