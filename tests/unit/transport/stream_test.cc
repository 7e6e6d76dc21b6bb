#include <doctest/doctest.h>
#include <support/consumers.h>
#include <support/run.h>
#include <support/streams.h>
#include <tidewire/core/shared_bytes.h>
#include <tidewire/transport/stream.h>
#include <algorithm>
#include <array>
#include <new>
#include <optional>
#include <stdexcept>

// What every stream promises, over each kind of stream.

using namespace tidewire;
using namespace tidewire::testing;
using tidewire::transport::Stream;

namespace {

/// The occasions on which a stream calls its consumer.
enum class Occasion { data, space, filled, end, writable, failed };
constexpr std::array occasions{Occasion::data, Occasion::space,    Occasion::filled,
                               Occasion::end,  Occasion::writable, Occasion::failed};

/// Two ends, of which the near one is made to see `occasion`, and does `act` there.
struct Staged {
  static void set(Loop& loop, const StreamKind& kind, std::optional<Recorder>& near, std::optional<Recorder>& far) {
    auto [one, other] = kind.connect(loop);
    near.emplace(std::move(one));
    far.emplace(std::move(other), false);
  }

  static void on(Occasion occasion, Recorder& near, Recorder& far, std::function<void()> act) {
    switch (occasion) {
      case Occasion::data:
        near.data = [act](std::string_view) { act(); };
        return far.write("something");
      case Occasion::space:
        near.space = [act] {
          act();
          return MutableBytes();
        };
        return far.write("something");
      case Occasion::filled:
        near.space = [] {
          static std::array<std::byte, 16> space;
          return MutableBytes(space);
        };
        near.filled = [act](std::size_t) { act(); };
        return far.write("something");
      case Occasion::end:
        near.end = act;
        return far.stream->end();
      case Occasion::writable:
        near.writable = act;
        return near.write("something");
      case Occasion::failed:
        near.failed = act;
        // An end that closes with something unread resets the connection.
        near.write("something");
        settle(far.stream->loop());
        return far.stream->close();
    }
  }
};

}  // namespace

#define EVERY_STREAM(name) \
  OVER_STREAMS(name, tcp, unix_socket, tcp_by_libuv, unix_by_libuv, memory, tls_over_tcp, tls_over_memory)

EVERY_STREAM("no more comes at once than the consumer wants, and all of it in the end") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other), false);
  near.most = 1000;
  std::size_t largest = 0;
  near.data = [&](std::string_view bytes) { largest = std::max(largest, bytes.size()); };
  std::string sent;
  for (int line = 0; sent.size() < 100'000; ++line) sent += std::to_string(line) + "\n";
  far.write(sent);
  run_until(loop, [&] { return near.received.size() == sent.size(); });
  CHECK(near.received == sent);
  CHECK(largest <= 1000);
}

EVERY_STREAM("what is written arrives, in order, and can be sent back") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Echo far(std::move(other));
  near.write("first ");
  near.write("second ");
  near.stream->write(as_bytes("third "), as_bytes("fourth"));
  run_until(loop, [&] { return near.received.size() == 25; });
  CHECK(near.received == "first second third fourth");
}

EVERY_STREAM("taken_bytes grows as the peer takes what was written, and stands still while it takes nothing") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other), false);
  const std::uint64_t before = near.stream->taken_bytes();
  const std::string large = pattern(8 << 20);
  near.write(large);
  settle(loop);
  const std::uint64_t stuck = near.stream->taken_bytes();
  CHECK(stuck < before + large.size());
  near.write("more");
  settle(loop);
  CHECK(near.stream->taken_bytes() == stuck);
  far.stream->resume();
  run_until(loop, [&] { return far.received.size() == large.size() + 4; });
  CHECK(near.stream->queued_bytes() == 0);
  // Over TLS the records' heads and tags are counted as well.
  const std::uint64_t taken = near.stream->taken_bytes() - before;
  CHECK(taken >= large.size() + 4);
  CHECK(taken < (large.size() + 4) * 101 / 100);
}

EVERY_STREAM("what is written and ended in on_writable leaves, and the end with it") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  const std::string large = pattern(4 << 20);
  bool done = false;
  SUBCASE("the end alone") {
    near.writable = [&] {
      if (near.stream->queued_bytes() == 0 && !std::exchange(done, true)) near.stream->end();
    };
  }
  SUBCASE("more, and the end") {
    near.writable = [&] {
      if (near.stream->queued_bytes() != 0 || std::exchange(done, true)) return;
      near.write("more");
      near.stream->end();
    };
  }
  near.write(large);
  run_until(loop, [&] { return far.ends == 1; });
  CHECK(far.received.substr(0, large.size()) == large);
}

EVERY_STREAM("whoever writes in on_writable hears of it when that has gone") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  const std::string piece = pattern(15'000);
  std::size_t written = 0;
  int rounds = 0;
  const auto write_until_queued = [&] {
    do {
      near.write(piece);
      written += piece.size();
    } while (near.stream->queued_bytes() == 0);
  };
  near.writable = [&] {
    if (near.stream->queued_bytes() != 0 || rounds == 20) return;
    ++rounds;
    write_until_queued();
  };
  write_until_queued();
  run_until(loop, [&] { return rounds == 20 && far.received.size() == written; });
}

EVERY_STREAM("what is written last keeps its place among the rest, whether it has to wait or not") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other), false);
  const std::string large = pattern(8 << 20);
  const auto last = [&](std::string_view text) { near.stream->write_last(SharedBytes::copy_of(as_bytes(text))); };
  last("0 ");
  near.write("1 ");
  last("2 ");
  near.data = [&](std::string_view) {
    near.write("3 ");
    last("4 ");
    loop.post([&] {
      last("5 ");
      last(large);
      near.write("6 ");
      last("7");
    });
  };
  far.write("go");
  run_until(loop, [&] { return near.data_calls == 1; });
  settle(loop);
  CHECK(near.stream->queued_bytes() > 0);
  far.stream->resume();
  const std::string all = "0 1 2 3 4 5 " + large + "6 7";
  run_until(loop, [&] { return far.received.size() == all.size(); });
  CHECK(far.received == all);
}

EVERY_STREAM("bytes that arrive one at a time arrive in order") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  const std::string text = pattern(200);
  for (std::size_t index = 0; index < text.size(); ++index) {
    near.write(text.substr(index, 1));
    run_until(loop, [&] { return far.received.size() == index + 1; });
  }
  CHECK(far.received == text);
}

EVERY_STREAM("megabytes pass in both directions while both ends pause and resume") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  const std::string there = pattern(4 << 20, 1);
  const std::string back = pattern(4 << 20, 2);
  const auto hesitate = [&](Recorder& end) {
    end.data = [&](std::string_view) {
      end.stream->pause();
      loop.post([&] { end.stream->resume(); });
    };
  };
  hesitate(near);
  hesitate(far);
  near.write(there);
  far.write(back);
  run_until(loop, [&] { return far.received.size() == there.size() && near.received.size() == back.size(); });
  CHECK(far.received == there);
  CHECK(near.received == back);
  CHECK(near.stream->queued_bytes() == 0);
}

EVERY_STREAM("an echo of megabytes to a slow reader is bounded and complete") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Echo far(std::move(other));
  const std::string text = pattern(8 << 20);
  std::size_t most = 0;
  near.data = [&](std::string_view) { most = std::max(most, far.stream->queued_bytes()); };
  near.write(text);
  run_until(loop, [&] { return near.received.size() == text.size(); });
  CHECK(near.received == text);
  CHECK(most <= Echo::most_queued + 256 * 1024);
}

EVERY_STREAM("nothing is delivered while a stream is paused") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  far.stream->pause();
  near.write("later");
  settle(loop);
  CHECK(far.received.empty());
  far.stream->resume();
  run_until(loop, [&] { return far.received == "later"; });
}

EVERY_STREAM("a stream pauses inside its read callback, too") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  far.data = [&](std::string_view) { far.stream->pause(); };
  near.write("one");
  run_until(loop, [&] { return far.data_calls == 1; });
  near.write("two");
  settle(loop);
  CHECK(far.received == "one");
}

EVERY_STREAM("end sends what waits and then FIN, and reading goes on") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  const std::string text = pattern(2 << 20);
  near.write(text);
  near.stream->end();
  near.write("too late");
  run_until(loop, [&] { return far.ends == 1; });
  CHECK(far.received == text);
  far.write("answer");
  far.stream->end();
  run_until(loop, [&] { return near.ends == 1; });
  CHECK(near.received == "answer");
  CHECK(near.failures.empty());
  CHECK(near.closes == 0);
}

EVERY_STREAM("end inside a read callback follows what was written there") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  far.data = [&](std::string_view) {
    far.write("answer");
    far.stream->end();
    far.write("too late");
  };
  near.write("question");
  run_until(loop, [&] { return near.ends == 1; });
  CHECK(near.received == "answer");
}

EVERY_STREAM("the consumer is told when the FIN has gone") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  near.stream->end();
  run_until(loop, [&] { return near.writables > 0; });
  run_until(loop, [&] { return far.ends == 1; });
}

EVERY_STREAM("close_when_sent sends what waits, whatever the peer does, and says no more than that it has closed") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  const std::string text = pattern(4 << 20);
  far.stream->pause();
  near.write(text);
  near.stream->close_when_sent();
  near.write("too late");
  settle(loop);
  CHECK(near.closes == 0);
  near.stream->resume();
  far.stream->resume();
  run_until(loop, [&] { return near.closes == 1 && far.ends == 1; });
  CHECK(far.received == text);
  CHECK(near.failures.empty());
  CHECK(near.ends == 0);
  CHECK(near.data_calls == 0);
  CHECK(near.writables == 0);
}

EVERY_STREAM("close_when_sent of a stream that is broken closes it") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  {
    Recorder far(std::move(other));
    near.write("never read");
    settle(loop);
    far.stream->pause();
  }
  for (int more = 0; near.failures.empty() && more < 100; ++more) {
    near.write("more");
    settle(loop);
  }
  REQUIRE(near.failures.size() == 1);
  if (!near.stream->closing()) near.stream->close_when_sent();
  run_until(loop, [&] { return near.closes == 1; });
}

EVERY_STREAM("close_when_sent may be called again, and be overtaken by a close") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  far.stream->pause();
  near.write(pattern(4 << 20));
  near.stream->close_when_sent();
  near.stream->close_when_sent();
  settle(loop);
  CHECK(near.closes == 0);
  near.stream->close();
  near.stream->close_when_sent();
  run_until(loop, [&] { return near.closes == 1; });
  settle(loop);
  CHECK(near.closes == 1);
}

EVERY_STREAM("close_when_sent inside a read callback follows what was written there, and reads nothing more") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  far.data = [&](std::string_view) {
    far.write("answer");
    far.stream->close_when_sent();
    far.stream->resume();
    far.write("too late");
  };
  near.write("question");
  run_until(loop, [&] { return near.ends == 1 && far.closes == 1; });
  CHECK(near.received == "answer");
  CHECK(far.data_calls == 1);
}

EVERY_STREAM("close_when_sent after an end closes when that has gone") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  near.write("before");
  near.stream->end();
  run_until(loop, [&] { return far.ends == 1; });
  near.stream->close_when_sent();
  run_until(loop, [&] { return near.closes == 1; });
  CHECK(far.received == "before");
  CHECK(near.failures.empty());
}

EVERY_STREAM("the end of the peer's output is told once, however often reading is resumed") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  near.stream->end();
  run_until(loop, [&] { return far.ends == 1; });
  for (int again = 0; again < 3; ++again) {
    far.stream->pause();
    far.stream->resume();
    settle(loop);
  }
  CHECK(far.ends == 1);
}

EVERY_STREAM("a stream closes inside every callback, calls nothing more, and says so once and last") {
  for (const Occasion occasion : occasions) {
    CAPTURE(static_cast<int>(occasion));
    Loop loop(kind.polling);
    std::optional<Recorder> near, far;
    Staged::set(loop, kind, near, far);
    int calls = -1;
    Staged::on(occasion, *near, *far, [&] {
      near->write("never sent");
      near->stream->close();
      CHECK(near->stream->closing());
      near->stream->close();
      calls = near->calls();
    });
    run_until(loop, [&] { return near->closes == 1; });
    near->stream->resume();
    near->stream->end();
    settle(loop);
    CHECK(near->calls() == calls + 1);
    CHECK(near->closes == 1);
  }
}

EVERY_STREAM("a stream is released inside every callback, and calls nobody any more") {
  for (const Occasion occasion : occasions) {
    CAPTURE(static_cast<int>(occasion));
    Loop loop(kind.polling);
    std::optional<Recorder> near, far;
    Staged::set(loop, kind, near, far);
    int calls = -1;
    Staged::on(occasion, *near, *far, [&] {
      near->write("never sent");
      near->stream.reset();
      calls = near->calls();
    });
    run_until(loop, [&] { return calls >= 0; });
    settle(loop);
    CHECK(near->calls() == calls);
  }
}

EVERY_STREAM("an exception from any callback ends the connection with on_failed") {
  for (const Occasion occasion : occasions) {
    if (occasion == Occasion::failed) continue;
    CAPTURE(static_cast<int>(occasion));
    Loop loop(kind.polling);
    std::optional<Recorder> near, far;
    Staged::set(loop, kind, near, far);
    Staged::on(occasion, *near, *far, [&] {
      near->write("never sent");
      throw std::runtime_error("on purpose");
    });
    near->failed = [&] { near->stream->close(); };
    run_until(loop, [&] { return near->closes == 1; });
    REQUIRE(near->failures.size() == 1);
    CHECK(near->failures[0].code == Errc::exception);
    CHECK(near->failures[0].detail == "on purpose");
    far->stream->resume();
    settle(loop);
    CHECK(far->received == (occasion == Occasion::writable ? "something" : ""));
  }
}

EVERY_STREAM("a lack of memory in a callback ends the connection with not_enough_memory") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  far.data = [](std::string_view) { throw std::bad_alloc(); };
  near.write("something");
  run_until(loop, [&] { return far.failures.size() == 1; });
  CHECK(far.failures[0].code == std::errc::not_enough_memory);
}

EVERY_STREAM("an exception from on_failed closes the stream") {
  Loop loop(kind.polling);
  std::optional<Recorder> near, far;
  Staged::set(loop, kind, near, far);
  Staged::on(Occasion::failed, *near, *far, [] { throw std::runtime_error("on purpose"); });
  run_until(loop, [&] { return near->closes == 1; });
  CHECK(near->failures.size() == 1);
}

EVERY_STREAM("a stream that broke takes no output and delivers no input, until it is closed") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  far.data = [](std::string_view) { throw std::runtime_error("on purpose"); };
  near.write("something");
  run_until(loop, [&] { return far.failures.size() == 1; });
  far.write("nothing");
  far.stream->resume();
  near.write("more");
  settle(loop);
  CHECK(far.data_calls == 1);
  CHECK(near.received.empty());
  far.stream->close();
  run_until(loop, [&] { return far.closes == 1; });
}

EVERY_STREAM("a peer's reset is told once, whatever was under way") {
  for (const std::size_t size : {std::size_t{1}, std::size_t{1000}, std::size_t{100'000}, std::size_t{3'000'000}}) {
    CAPTURE(size);
    Loop loop(kind.polling);
    auto [one, other] = kind.connect(loop);
    Recorder near(std::move(one));
    Recorder far(std::move(other), false);
    near.write(pattern(size));
    settle(loop);
    far.stream->close();
    run_until(loop, [&] { return near.failures.size() == 1; });
    near.write("more");
    settle(loop);
    CHECK(near.failures.size() == 1);
    CHECK(near.ends == 0);
    near.stream->close();
    run_until(loop, [&] { return near.closes == 1; });
  }
}

EVERY_STREAM("writes to a peer that has gone fail the connection, not the process") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one), false);
  Recorder far(std::move(other), false);
  far.stream.reset();
  settle(loop);
  run_until(loop, [&] {
    near.write("anyone?");
    return !near.failures.empty();
  });
  CHECK(near.failures.size() == 1);
}

EVERY_STREAM("writes after close are ignored") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  near.stream->close();
  near.write("nothing");
  near.stream->write(SharedBytes::copy_of(as_bytes("nothing")));
  std::memcpy(near.stream->reserve(7).data(), "nothing", 7);
  near.stream->commit(7);
  near.stream->end();
  CHECK(near.stream->queued_bytes() == 0);
  // A FIN, but to TLS something is missing before it.
  run_until(loop, [&] { return near.closes == 1 && far.ends + static_cast<int>(far.failures.size()) == 1; });
  CHECK(far.received.empty());
}

EVERY_STREAM("what a peer does not take is counted, and its going is told") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other), false);
  const std::string text = pattern(16 << 20);
  near.write(text);
  settle(loop);
  const std::size_t waiting = near.stream->queued_bytes();
  CHECK(waiting > 0);
  CHECK(waiting < text.size());
  near.writables = 0;
  far.stream->resume();
  run_until(loop, [&] { return near.writables > 0; });
  CHECK(near.stream->queued_bytes() < waiting);
  run_until(loop, [&] { return far.received.size() == text.size(); });
  CHECK(near.stream->queued_bytes() == 0);
  CHECK(far.received == text);
}

EVERY_STREAM("on_writable that writes on reaches the peer in order") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  std::string sent;
  near.writable = [&] {
    if (sent.size() >= (1 << 20) || near.stream->queued_bytes() > 0) return;
    const std::string more = pattern(50'000, static_cast<unsigned>(sent.size()));
    sent += more;
    near.write(more);
    near.write("+");
    sent += "+";
  };
  near.write("go");
  sent = "go";
  run_until(loop, [&] { return sent.size() >= (1 << 20) && far.received.size() == sent.size(); });
  CHECK(far.received == sent);
}

EVERY_STREAM("writes of every kind keep their order, inside a read callback and outside") {
  for (const bool inside : {true, false}) {
    CAPTURE(inside);
    Loop loop(kind.polling);
    auto [one, other] = kind.connect(loop);
    Recorder near(std::move(one));
    Recorder far(std::move(other));
    std::string sent;
    const auto write_all = [&] {
      for (unsigned round = 0; round < 40; ++round) {
        const std::string small = pattern(100 + round * 37, round);
        const std::string middle = pattern(15'000 + round, round + 100);
        const std::string large = pattern(round % 8 == 0 ? 90'000 : 17'000, round + 200);
        switch (round % 5) {
          case 0:
            near.write(small);
            near.write(large);
            sent += small + large;
            break;
          case 1:
            near.stream->write(SharedBytes::copy_of(as_bytes(small)));
            near.stream->write(SharedBytes::copy_of(as_bytes(large)));
            sent += small + large;
            break;
          case 2:
            near.stream->write(as_bytes(small), as_bytes(middle));
            sent += small + middle;
            break;
          case 3:
            std::memcpy(near.stream->reserve(middle.size()).data(), middle.data(), middle.size());
            near.stream->commit(middle.size());
            sent += middle;
            break;
          default:
            std::memcpy(near.stream->reserve(large.size()).data(), large.data(), large.size());
            near.stream->commit(large.size());
            near.write({});
            near.stream->write(SharedBytes());
            sent += large;
        }
      }
    };
    if (inside) {
      near.data = [&](std::string_view) { write_all(); };
      far.write("go");
    } else {
      write_all();
    }
    run_until(loop, [&] { return !sent.empty() && far.received.size() >= sent.size(); });
    CHECK(far.received == sent);
  }
}

EVERY_STREAM("reserved room that is not used sends nothing") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  CHECK(near.stream->reserve(100).size() >= 100);
  near.write("only this");
  CHECK(near.stream->reserve(100).size() >= 100);
  near.stream->commit(0);
  run_until(loop, [&] { return far.received == "only this"; });
  settle(loop);
  CHECK(far.received == "only this");
  CHECK(near.stream->queued_bytes() == 0);
}

EVERY_STREAM("bytes are read into the space that the consumer offers") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  const std::string text = pattern(300'000);
  std::string got(text.size(), '\0');
  std::size_t filled = 0;
  far.space = [&] {
    const auto rest = std::as_writable_bytes(std::span(got)).subspan(filled);
    return rest.first(std::min<std::size_t>(rest.size(), 1000));
  };
  far.filled = [&](std::size_t count) {
    CHECK(count <= 1000);
    filled += count;
  };
  near.write(text);
  run_until(loop, [&] { return filled == text.size(); });
  CHECK(got == text);
  CHECK(far.received.empty());
  near.write("and now anywhere");
  run_until(loop, [&] { return far.received == "and now anywhere"; });
}

EVERY_STREAM("a consumer pauses and resumes where it is asked for space") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  int asked = 0;
  far.space = [&] {
    if (++asked == 1) far.stream->pause();
    if (asked == 2) {
      far.stream->pause();
      far.stream->resume();
    }
    return MutableBytes();
  };
  near.write("text");
  run_until(loop, [&] { return asked == 1; });
  settle(loop);
  CHECK(asked == 1);
  CHECK(far.received.empty());
  far.stream->resume();
  run_until(loop, [&] { return far.received == "text"; });
}

EVERY_STREAM("received bytes may be changed in place and sent back") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  struct Shouting final : Recorder {
    using Recorder::Recorder;
    void on_data(MutableBytes bytes) override {
      for (std::byte& byte : bytes) byte &= std::byte{0xdf};
      stream->write(bytes);
    }
  } far(std::move(other));
  near.write("hello");
  run_until(loop, [&] { return near.received == "HELLO"; });
}

EVERY_STREAM("another consumer takes over inside a read callback") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  Recorder heir;
  far.data = [&](std::string_view) { far.stream->attach(heir); };
  near.write("first");
  run_until(loop, [&] { return far.received == "first"; });
  near.write("second");
  run_until(loop, [&] { return heir.received == "second"; });
  far.stream->close();
  run_until(loop, [&] { return heir.closes == 1; });
  CHECK(far.closes == 0);
}

EVERY_STREAM("a consumer deletes itself and its stream in on_closed") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  struct Own final : Recorder {
    using Recorder::Recorder;
    void on_closed() noexcept override {
      *gone = true;
      delete this;
    }
    bool* gone = nullptr;
  };
  bool gone = false;
  auto* far = new Own(std::move(other));
  far->gone = &gone;
  far->end = [far] { far->stream->close(); };
  near.stream->end();
  run_until(loop, [&] { return gone; });
}

EVERY_STREAM("a stream that closes is freed when its loop ends at once") {
  int closes = 0;
  Recorder near;
  {
    Loop loop(kind.polling);
    auto [one, other] = kind.connect(loop);
    near.stream = std::move(one);
    near.stream->attach(near);
    near.closed = [&] {
      ++closes;
      near.stream.reset();
    };
    near.write("never sent");
    near.stream->close();
    other->write(as_bytes("never sent"));
    other.reset();
  }
  CHECK(closes == 1);
}

EVERY_STREAM("a stream without a consumer can be closed and released") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  one->close();
  settle(loop);
  CHECK(one->closing());
  one.reset();
  other.reset();
  settle(loop);
}

// What a stream that is paused notices of its peer, and giving up

EVERY_STREAM("a paused stream notices its peer's end once, and reads what came before it when it goes on") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  near.stream->pause();
  far.write("last words");
  far.stream->end();
  run_until(loop, [&] { return near.peer_ends == 1; });
  settle(loop);
  CHECK(near.received.empty());
  CHECK(near.ends == 0);
  near.stream->resume();
  run_until(loop, [&] { return near.ends == 1; });
  near.stream->pause();
  settle(loop);
  CHECK(near.received == "last words");
  CHECK(near.peer_ends == 1);
  CHECK(near.failures.empty());
}

EVERY_STREAM("an end that follows more than was read before the pause is noticed") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  const std::string text = pattern(60'000);
  near.space = [] {
    static std::array<std::byte, 1000> space;
    return MutableBytes(space);
  };
  near.filled = [&](std::size_t) { near.stream->pause(); };
  far.write(text);
  far.stream->end();
  run_until(loop, [&] { return near.filled_calls == 1 && near.peer_ends == 1; });
  CHECK(near.ends == 0);
  near.space = nullptr;
  near.stream->resume();
  run_until(loop, [&] { return near.ends == 1; });
  CHECK(near.received == text.substr(1000));
}

EVERY_STREAM("a paused stream fails when its peer resets the connection, whatever is unread") {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  bool ended = false;
  near.stream->pause();
  far.stream->pause();
  SUBCASE("after bytes") { far.write("unread"); }
  SUBCASE("after bytes and an end that was noticed") {
    far.write("unread");
    far.stream->end();
    ended = true;
    run_until(loop, [&] { return near.peer_ends == 1; });
  }
  SUBCASE("after an end that was read") {
    far.stream->end();
    ended = true;
    near.stream->resume();
    run_until(loop, [&] { return near.ends == 1; });
  }
  near.write("never read");
  settle(loop);
  CHECK(near.failures.empty());
  far.stream->close();
  run_until(loop, [&] { return near.failures.size() == 1; });
  CHECK(near.received.empty());
  CHECK(near.peer_ends + near.ends == (ended ? 1 : 0));
}

OVER_STREAMS("giving up on a peer that takes nothing resets the connection", tcp, tcp_by_libuv, memory, tls_over_tcp,
             tls_over_memory) {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  far.stream->pause();
  near.write(pattern(16 << 20));
  settle(loop);
  CHECK(near.stream->queued_bytes() > 0);
  near.stream->abort();
  CHECK(near.stream->closing());
  run_until(loop, [&] { return near.closes == 1 && far.failures.size() == 1; });
  CHECK(near.failures.empty());
  CHECK(far.ends == 0);
}

OVER_STREAMS("giving up where nothing is left to drop is a close", tcp, unix_socket, memory, tls_over_tcp) {
  Loop loop(kind.polling);
  auto [one, other] = kind.connect(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  const auto before = near.stream->acknowledged_bytes();
  near.write("taken");
  run_until(loop, [&] { return far.received == "taken"; });
  run_until(loop, [&] { return !before || *near.stream->acknowledged_bytes() >= *before + 5; });
  near.stream->abort();
  // TLS calls an end without its own goodbye a failure.
  run_until(loop, [&] { return near.closes == 1 && far.ends + static_cast<int>(far.failures.size()) == 1; });
  if (!far.failures.empty()) CHECK(far.failures[0].code == Errc::truncated);
}
