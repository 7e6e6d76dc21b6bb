#include <fcntl.h>
#include <sys/socket.h>
#include <uv.h>

#include <doctest/doctest.h>
#include <support/consumers.h>
#include <support/run.h>
#include <support/streams.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
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

TEST_CASE("a reset before reading began is reported by the next write") {
  Loop loop;
  auto [raw, ours] = tcp_sockets();
  Recorder near(adopt(loop, std::move(ours)), false);
  raw.break_off();
  settle(loop);
  CHECK(near.failures.empty());
  near.write("anyone?");
  run_until(loop, [&] { return near.failures.size() == 1; });
}

namespace {

void set_urgent_in_line(const Descriptor& socket) {
  const int on = 1;
  REQUIRE(::setsockopt(socket.get(), SOL_SOCKET, SO_OOBINLINE, &on, sizeof on) == 0);
}

void send_urgent(const Descriptor& socket, char byte) {
  REQUIRE(::send(socket.get(), &byte, 1, MSG_OOB | MSG_NOSIGNAL) == 1);
}

/// Sends a text in which each byte that follows a '!' is marked urgent; returns what was sent.
std::string send_marked(const Descriptor& socket, std::string_view marked) {
  std::string sent;
  while (!marked.empty()) {
    const std::size_t mark = marked.find('!');
    const std::string_view plain = marked.substr(0, mark);
    if (!plain.empty()) socket.send(plain);
    sent += plain;
    if (mark == std::string_view::npos) break;
    send_urgent(socket, marked[mark + 1]);
    sent += marked[mark + 1];
    marked.remove_prefix(mark + 2);
  }
  return sent;
}

constexpr std::array marked_texts{"amid a !text that goes on",   "!at the start", "at the end!.",
                                  "s!ever!al and m!ore of them", "!!!!!!",        "plain"};

int open_descriptors() {
  int count = 0;
  for (int number = 0; number < 1024; ++number) count += ::fcntl(number, F_GETFD) != -1 ? 1 : 0;
  return count;
}

/// Sends a text with a descriptor.
void send_with_descriptor(const Descriptor& socket, std::string_view text) {
  iovec piece{.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int passed = socket.get();
  std::memcpy(CMSG_DATA(header), &passed, sizeof passed);
  REQUIRE(::sendmsg(socket.get(), &message, MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
}

constexpr std::array both_ways{Polling::native, Polling::libuv};

}  // namespace

TEST_CASE("what follows bytes marked urgent is read though nothing more comes") {
  for (const Polling polling : both_ways) {
    for (const char* const marked : marked_texts) {
      CAPTURE(marked);
      Loop loop(polling);
      auto [raw, ours] = tcp_sockets();
      set_urgent_in_line(ours);
      Recorder near(adopt(loop, std::move(ours)));
      std::string sent = send_marked(raw, marked);
      run_until(loop, [&] { return near.received == sent; });
      // And what comes later, a mark that arrives while its event is being handled included.
      bool later = true;
      near.data = [&raw = raw, &sent, &later](std::string_view) {
        if (std::exchange(later, false)) sent += send_marked(raw, "!x during the callback");
      };
      sent += send_marked(raw, marked);
      run_until(loop, [&] { return near.received == sent; });
    }
  }
}

TEST_CASE("a byte marked urgent that the system takes out of line does not hide what follows") {
  for (const Polling polling : both_ways) {
    for (const char* const marked : {"amid a !text that goes on", "!at the start", "s!ever!al marks"}) {
      CAPTURE(marked);
      Loop loop(polling);
      auto [raw, ours] = tcp_sockets();
      Recorder near(adopt(loop, std::move(ours)));
      const std::string sent = send_marked(raw, marked);
      run_until(loop, [&] { return near.received.size() >= sent.size() - 2 && near.received.back() == sent.back(); });
      CHECK(near.received.size() < sent.size());
      send_marked(raw, "later");
      run_until(loop, [&] { return near.received.ends_with("later"); });
    }
  }
}

TEST_CASE("an end and a pause beside bytes marked urgent") {
  Loop loop;
  auto [raw, ours] = tcp_sockets();
  set_urgent_in_line(ours);
  Recorder near(adopt(loop, std::move(ours)));
  near.data = [&](std::string_view) {
    near.stream->pause();
    loop.post([&] { near.stream->resume(); });
  };
  const std::string sent = send_marked(raw, "one !two !three");
  REQUIRE(::shutdown(raw.get(), SHUT_WR) == 0);
  run_until(loop, [&] { return near.ends == 1; });
  CHECK(near.received == sent);
}

TEST_CASE("what follows bytes with descriptors is read, and the descriptors are closed") {
  for (const Polling polling : both_ways) {
    Loop loop(polling);
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    const Descriptor raw(ends[1]);
    Recorder near(adopt(loop, Descriptor(ends[0])));
    settle(loop);
    const int before = open_descriptors();
    send_with_descriptor(raw, "one ");
    send_with_descriptor(raw, "two ");
    raw.send("three ");
    send_with_descriptor(raw, "four ");
    raw.send("five");
    run_until(loop, [&] { return near.received == "one two three four five"; });
    CHECK(open_descriptors() == before);
  }
}

TEST_CASE("a close after what waited does not take it back for bytes that were not read") {
  Loop loop;
  auto [raw, ours] = tcp_sockets();
  set_urgent_in_line(ours);
  Recorder near(adopt(loop, std::move(ours)));
  near.data = [&](std::string_view) {
    near.write("last");
    near.stream->close_when_sent();
  };
  SUBCASE("of which there are more than one read takes") {
    static std::array<std::byte, 4> few;
    near.space = [] { return MutableBytes(few); };
    near.filled = [&](std::size_t) { near.data({}); };
    raw.send(pattern(10'000));
  }
  SUBCASE("at which a read ends") { send_marked(raw, "bye!bye"); }
  run_until(loop, [&] { return near.closes == 1; });
  std::array<char, 16> bytes{};
  REQUIRE(::recv(raw.get(), bytes.data(), bytes.size(), 0) == 4);
  CHECK(std::string_view(bytes.data(), 4) == "last");
  CHECK(::recv(raw.get(), bytes.data(), bytes.size(), 0) == 0);
}

TEST_CASE("giving up drops what the system holds") {
  Loop loop;
  auto [raw, ours] = tcp_sockets();
  Recorder near(adopt(loop, std::move(ours)));
  near.write(pattern(16 << 20));
  settle(loop);
  SUBCASE("at once") { near.stream->abort(); }
  SUBCASE("also when the stream waited for it to leave") {
    near.stream->close_when_sent();
    settle(loop);
    near.stream->abort();
  }
  run_until(loop, [&] { return near.closes == 1; });
  // A close would have the peer read megabytes more than its own system has received.
  std::string into(1 << 20, '\0');
  ssize_t received = 0;
  std::size_t total = 0;
  while ((received = ::recv(raw.get(), into.data(), into.size(), 0)) > 0) total += static_cast<std::size_t>(received);
  CHECK(received == -1);
  CHECK(errno == ECONNRESET);
  CHECK(total < (16 << 20));
}

TEST_CASE("acknowledged bytes count what the peer's system has, where the system reports it") {
  Loop loop;
  auto [raw, ours] = tcp_sockets();
  Recorder near(adopt(loop, std::move(ours)));
  const auto before = near.stream->acknowledged_bytes();
  REQUIRE(before);
  near.write(pattern(1000));
  run_until(loop, [&] { return near.stream->acknowledged_bytes() == *before + 1000; });
  near.write(pattern(64 << 20));
  settle(loop);
  const auto held = near.stream->acknowledged_bytes();
  CHECK(*held - *before < (64U << 20) - near.stream->queued_bytes());
  near.stream->close();
  CHECK_FALSE(near.stream->acknowledged_bytes());
  const auto [one, other] = connect_unix(loop);
  CHECK_FALSE(one->acknowledged_bytes());
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
