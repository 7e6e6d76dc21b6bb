#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <doctest/doctest.h>
#include <support/run.h>
#include <tidewire/core/watched.h>
#include <array>
#include <functional>
#include <string>
#include <utility>

using namespace tidewire;
using namespace tidewire::testing;

namespace {

/// One end of a pair of sockets, watched, and the other.
struct End final : Watched {
  explicit End(Loop& its) : End(its, pair()) {}
  ~End() override {
    close_descriptor(loop);
    settle(loop, 1);
    ::close(peer);
  }

  void read() {
    std::array<char, 64> bytes;
    ssize_t count = 0;
    while ((count = ::recv(descriptor(), bytes.data(), bytes.size(), 0)) > 0) {
      received.append(bytes.data(), static_cast<std::size_t>(count));
    }
    if (count == 0) ended = true;
  }
  void send(std::string_view text) const {
    REQUIRE(::send(peer, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
  }

  using Watched::close_descriptor;
  using Watched::ignore_reading;
  using Watched::ignore_writing;
  using Watched::watch_reading;
  using Watched::watch_writing;

  Loop& loop;
  int peer;
  std::string received;
  bool ended = false;
  int calls = 0;
  int writables = 0;
  std::function<void(Ready)> ready = [this](Ready is) {
    if (is.readable) read();
  };

 private:
  static std::array<int, 2> pair() {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    return ends;
  }
  End(Loop& its, std::array<int, 2> ends) : Watched(ends[0]), loop(its), peer(ends[1]) {}

  void on_ready(Ready is) noexcept override {
    ++calls;
    if (is.writable) ++writables;
    ready(is);
  }
};

/// Fills the socket's buffer.
void fill(int descriptor) {
  const std::string text(64 * 1024, 'x');
  while (::send(descriptor, text.data(), text.size(), MSG_NOSIGNAL) > 0) continue;
}

void empty(int descriptor) {
  std::string into(64 * 1024, '\0');
  while (::recv(descriptor, into.data(), into.size(), 0) > 0) continue;
}

struct Native {
  static constexpr Polling polling = Polling::native;
};
struct Libuv {
  static constexpr Polling polling = Polling::libuv;
};

}  // namespace

#define BOTH_WAYS(name) TEST_CASE_TEMPLATE(name, Way, Native, Libuv)

BOTH_WAYS("what arrives is told, each time") {
  Loop loop(Way::polling);
  End end(loop);
  REQUIRE(end.watch_reading(loop) == 0);
  end.send("one ");
  run_until(loop, [&] { return end.received == "one "; });
  end.send("two");
  run_until(loop, [&] { return end.received == "one two"; });
}

BOTH_WAYS("what arrived before it was watched for is told") {
  Loop loop(Way::polling);
  End end(loop);
  end.send("early");
  REQUIRE(end.watch_reading(loop) == 0);
  run_until(loop, [&] { return end.received == "early"; });
}

BOTH_WAYS("what was left unread is told again when asked for") {
  Loop loop(Way::polling);
  End end(loop);
  end.ready = [&](Ready) { end.ignore_reading(); };
  REQUIRE(end.watch_reading(loop) == 0);
  end.send("waits");
  run_until(loop, [&] { return end.calls == 1; });
  settle(loop);
  CHECK(end.calls == 1);
  end.ready = [&](Ready) { end.read(); };
  REQUIRE(end.watch_reading(loop) == 0);
  run_until(loop, [&] { return end.received == "waits"; });
}

BOTH_WAYS("the peer's end is told, also behind bytes") {
  Loop loop(Way::polling);
  End end(loop);
  REQUIRE(end.watch_reading(loop) == 0);
  end.send("last");
  ::shutdown(end.peer, SHUT_WR);
  run_until(loop, [&] { return end.ended; });
  CHECK(end.received == "last");
  end.ignore_reading();
}

BOTH_WAYS("the peer's end and its errors are reported while reading is ignored, and cost no turns after that") {
  Loop loop(Way::polling);
  End end(loop);
  int ends = 0;
  int errors = 0;
  end.ready = [&](Ready is) {
    if (is.broken) {
      ++errors;
    } else if (is.ended) {
      ++ends;
    }
  };
  REQUIRE(end.watch_reading(loop) == 0);
  end.ignore_reading();
  end.send("unread");
  settle(loop);
  ::shutdown(end.peer, SHUT_WR);
  run_until(loop, [&] { return ends == 1; });
  const int calls = end.calls;
  settle(loop);
  CHECK(end.calls == calls);
  CHECK(errors == 0);
  // A Unix socket that closes with bytes unread resets the connection.
  REQUIRE(::send(end.descriptor(), "x", 1, MSG_NOSIGNAL) == 1);
  ::close(std::exchange(end.peer, -1));
  run_until(loop, [&] { return errors == 1; });
  settle(loop);
  CHECK(ends == 1);
  REQUIRE(end.watch_reading(loop) == 0);
  end.ready = [&](Ready) { end.read(); };
  run_until(loop, [&] { return end.received == "unread"; });
}

BOTH_WAYS("room to write is told once it is there, if asked for") {
  Loop loop(Way::polling);
  End end(loop);
  end.ready = [&](Ready is) {
    if (is.writable) end.ignore_writing();
  };
  fill(end.descriptor());
  REQUIRE(end.watch_writing(loop) == 0);
  settle(loop);
  CHECK(end.writables == 0);
  empty(end.peer);
  run_until(loop, [&] { return end.writables > 0; });
}

BOTH_WAYS("a descriptor that was closed is not told of, even if it was ready") {
  Loop loop(Way::polling);
  End one(loop);
  End other(loop);
  // Whichever has its turn first closes the other.
  one.ready = [&](Ready) { other.close_descriptor(loop); };
  other.ready = [&](Ready) { one.close_descriptor(loop); };
  REQUIRE(one.watch_reading(loop) == 0);
  REQUIRE(other.watch_reading(loop) == 0);
  one.send("x");
  other.send("x");
  run_until(loop, [&] { return one.calls + other.calls > 0; });
  settle(loop);
  CHECK((one.descriptor() == -1) != (other.descriptor() == -1));
  CHECK((one.calls == 0) != (other.calls == 0));
}

BOTH_WAYS("closing twice does nothing, and one that was never watched can be closed") {
  Loop loop(Way::polling);
  End end(loop);
  const int number = end.descriptor();
  end.close_descriptor(loop);
  CHECK(end.descriptor() == -1);
  CHECK(::fcntl(number, F_GETFD) == -1);
  end.close_descriptor(loop);
}

BOTH_WAYS("a watched descriptor keeps the loop running, a closed one does not") {
  Loop loop(Way::polling);
  End end(loop);
  CHECK_FALSE(loop.run_once(false));
  REQUIRE(end.watch_reading(loop) == 0);
  CHECK(loop.run_once(false));
  end.close_descriptor(loop);
  settle(loop, 2);
  CHECK_FALSE(loop.run_once(false));
}

BOTH_WAYS("descriptors are told of in a loop that the caller runs") {
  uv_loop_t theirs;
  REQUIRE(uv_loop_init(&theirs) == 0);
  {
    Loop loop(theirs, Way::polling);
    End end(loop);
    REQUIRE(end.watch_reading(loop) == 0);
    end.send("guest");
    while (end.received != "guest") uv_run(&theirs, UV_RUN_ONCE);
    end.send("again");
    while (end.received != "guestagain") uv_run(&theirs, UV_RUN_ONCE);
  }
  uv_run(&theirs, UV_RUN_DEFAULT);
  CHECK(uv_loop_close(&theirs) == 0);
}
