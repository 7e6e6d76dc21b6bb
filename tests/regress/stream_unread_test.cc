#include <doctest/doctest.h>
#include <support/consumers.h>
#include <support/run.h>
#include <support/streams.h>
#include <tidewire/core/budget.h>
#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

// What consumers give back, and how streams share a loop's turns: over each kind of stream.

using namespace tidewire;
using namespace tidewire::testing;

namespace {

/// Two ends, of which the near one takes pieces, and may give back their ends.
struct Ends {
  Ends(Loop& loop, const StreamKind& kind) : Ends(kind.connect(loop)) {}
  explicit Ends(Streams streams) : near(std::move(streams.first)), far(std::move(streams.second)) {
    near.data = [this](std::string_view text) {
      pieces.emplace_back(text);
      const std::string_view rest = take ? text.substr(take(text)) : std::string_view();
      if (!rest.empty() || gives_back_nothing) near.stream->unread(as_bytes(rest));
    };
  }

  Recorder near;
  Recorder far;
  std::vector<std::string> pieces;
  bool gives_back_nothing = false;
  std::function<std::size_t(std::string_view)> take;  // How much of a piece is taken; without it all is.
};

}  // namespace

#define EVERY_STREAM(name) \
  OVER_STREAMS(name, tcp, unix_socket, tcp_by_libuv, unix_by_libuv, memory, tls_over_tcp, tls_over_memory)

EVERY_STREAM("what a consumer gives back is delivered again, before what is newer") {
  Loop loop(kind.polling);
  Ends ends(loop, kind);
  ends.take = [&](std::string_view text) {
    // More comes while something waits.
    if (text == "abcdef") ends.far.write("ghi");
    return std::min<std::size_t>(text.size(), 2);
  };
  std::string taken;
  ends.far.write("abcdef");
  run_until(loop, [&] {
    taken.clear();
    for (const std::string& piece : ends.pieces) taken += piece.substr(0, 2);
    return taken.size() >= 9;
  });
  CHECK(taken.substr(0, 9) == "abcdefghi");
  CHECK(std::ranges::find(ends.pieces, "cdef") != ends.pieces.end());
}

EVERY_STREAM("what is given back is delivered once a turn") {
  Loop loop(kind.polling);
  Ends ends(loop, kind);
  ends.gives_back_nothing = true;
  int turn = 0;
  std::vector<int> turns;
  ends.take = [&](std::string_view text) {
    turns.push_back(turn);
    // Nothing is left of the last, but there is more to do.
    return std::min<std::size_t>(text.size(), 1);
  };
  ends.far.write("abc");
  for (int count = 0; count < 100; ++count, ++turn) loop.run_once(false);
  // "abc", "bc", "c", and then nothing again and again, as it was given back each time.
  REQUIRE(ends.pieces.size() > 4);
  CHECK(ends.pieces[1] == "bc");
  CHECK(ends.pieces[3].empty());
  // What is read at a turn's end, or by libuv, may be delivered again by the same call.
  CHECK(std::ranges::adjacent_find(turns, [&](int one, int) { return std::ranges::count(turns, one) > 2; }) ==
        turns.end());
  ends.gives_back_nothing = false;
  settle(loop);
  const std::size_t calls = ends.pieces.size();
  settle(loop);
  CHECK(ends.pieces.size() == calls);
}

EVERY_STREAM("what is given back waits while the consumer pauses") {
  Loop loop(kind.polling);
  Ends ends(loop, kind);
  ends.take = [&](std::string_view) {
    ends.near.stream->pause();
    return std::size_t{1};
  };
  ends.far.write("abc");
  run_until(loop, [&] { return !ends.pieces.empty(); });
  ends.far.write("def");
  settle(loop);
  CHECK(ends.pieces == std::vector<std::string>{"abc"});
  ends.near.stream->resume();
  ends.near.stream->pause();
  settle(loop);
  CHECK(ends.pieces.size() == 1);
  ends.take = {};
  ends.near.stream->resume();
  run_until(loop, [&] { return ends.near.received == "abcbcdef"; });
  CHECK(ends.pieces[1] == "bc");
}

EVERY_STREAM("the peer's end comes after what was given back") {
  Loop loop(kind.polling);
  Ends ends(loop, kind);
  int ends_before = 0;
  ends.take = [&](std::string_view text) {
    ends_before = ends.near.ends;
    return std::min<std::size_t>(text.size(), 1);
  };
  ends.far.write("abc");
  ends.far.stream->end();
  run_until(loop, [&] { return ends.pieces.size() == 3; });
  ends.take = {};
  run_until(loop, [&] { return ends.near.ends == 1; });
  CHECK(ends_before == 0);
}

OVER_STREAMS("the peer's end is noticed by a consumer that pauses when it has what it gave back", tcp, unix_socket,
             tcp_by_libuv, unix_by_libuv) {
  Loop loop(kind.polling);
  Ends ends(loop, kind);
  ends.take = [&](std::string_view text) {
    if (ends.pieces.size() == 1) return std::size_t{1};
    ends.near.stream->pause();
    return text.size();
  };
  ends.far.write("abc");
  ends.far.stream->end();
  run_until(loop, [&] { return ends.near.peer_ends == 1; });
  CHECK(ends.pieces.size() == 2);
  CHECK(ends.near.ends == 0);
  ends.near.stream->resume();
  run_until(loop, [&] { return ends.near.ends == 1; });
}

EVERY_STREAM("a stream may be closed or released while what was given back is delivered") {
  Loop loop(kind.polling);
  Ends ends(loop, kind);
  bool released = false;
  SUBCASE("closed") {
    ends.near.data = [&](std::string_view text) {
      ++ends.near.filled_calls;
      ends.near.stream->unread(as_bytes(text));
      if (ends.near.filled_calls == 2) ends.near.stream->close();
      CHECK(text == "abc");
    };
  }
  SUBCASE("released") {
    released = true;
    ends.near.data = [&](std::string_view text) {
      ++ends.near.filled_calls;
      ends.near.stream->unread(as_bytes(text));
      if (ends.near.filled_calls == 2) ends.near.stream.reset();
      CHECK(text == "abc");
    };
  }
  ends.far.write("abc");
  run_until(loop, [&] { return released ? ends.near.stream == nullptr : ends.near.closes == 1; });
  settle(loop);
  CHECK(ends.near.filled_calls == 2);
}

EVERY_STREAM("a stream whose peer sends without end leaves the others their turn") {
  Loop loop(kind.polling);
  Ends flood(loop, kind);
  Ends honest(loop, kind);
  // Each byte costs so much that a hundred of them are a slice.
  constexpr std::size_t in_slice = 100;
  std::size_t taken = 0;
  std::size_t most = 0;
  flood.near.data = [&](std::string_view text) {
    const std::size_t count = std::min(text.size(), in_slice);
    loop.budget().charge(count * (Budget::slice_work / in_slice));
    taken += count;
    if (count < text.size()) flood.near.stream->unread(as_bytes(text.substr(count)));
    flood.near.received.clear();
  };
  const std::string much = pattern(60'000);
  flood.far.write(much);
  run_until(loop, [&] { return taken != 0; });
  honest.near.data = [&](std::string_view) { most = std::max(most, taken); };
  for (int round = 0; round < 20; ++round) {
    taken = 0;
    honest.near.received.clear();
    honest.far.write("hello");
    run_until(loop, [&] { return honest.near.received == "hello"; });
  }
  // A few turns for what was written to leave, to be found, and to be served.
  CHECK(most <= 4 * in_slice * (Budget::turn_work / Budget::slice_work));
  CHECK(taken < much.size());
}

EVERY_STREAM("ten streams that have much to do are served in turn") {
  Loop loop(kind.polling);
  std::vector<std::unique_ptr<Ends>> all;
  std::vector<int> served(10);
  for (int& count : served) {
    all.push_back(std::make_unique<Ends>(loop, kind));
    all.back()->near.data = [&loop, &count, &near = all.back()->near](std::string_view text) {
      ++count;
      loop.budget().charge(Budget::slice_work);
      near.stream->unread(as_bytes(text.substr(1)));
      near.received.clear();
    };
  }
  for (const auto& ends : all) ends->far.write(pattern(1000));
  run_until(loop, [&] { return std::ranges::min(served) > 0; });
  std::ranges::fill(served, 0);
  run_until(loop, [&] { return std::ranges::max(served) == 30; });
  CHECK(std::ranges::min(served) >= 28);
}

TEST_CASE("of a peer whose bytes take longer than a slice, little is read at once") {
  Loop loop;
  auto [one, other] = connect_tcp(loop);
  Recorder far(std::move(other));
  Recorder near(std::move(one));
  std::size_t most = 0;
  int calls = 0;
  near.data = [&](std::string_view text) {
    // The first may be long.
    if (++calls > 200) most = std::max(most, text.size());
    loop.budget().charge(Budget::slice_work);
    if (text.size() > 1000) near.stream->unread(as_bytes(text.substr(1000)));
    near.received.clear();
  };
  far.write(pattern(8 << 20));
  run_until(loop, [&] { return calls == 1000; });
  CHECK(most > 0);
  CHECK(most <= 32 * 1024);
}

EVERY_STREAM("what streams answer is whole and in order, whatever the order in which they are served") {
  Loop loop(kind.polling);
  std::minstd_rand random(1);
  std::vector<std::unique_ptr<Ends>> all;
  for (int count = 0; count < 3; ++count) {
    Ends& ends = *all.emplace_back(std::make_unique<Ends>(loop, kind));
    ends.take = [&](std::string_view text) {
      // Some slices end here, and in some turns there is none for those that are ready.
      if (random() % 2 == 0) loop.budget().charge(Budget::slice_work);
      const std::size_t taken = random() % (text.size() + 1);
      ends.near.write(text.substr(0, taken));
      return taken;
    };
  }
  const std::string text = pattern(10'000);
  std::vector<std::size_t> sent(all.size());
  run_until(loop, [&] {
    bool done = true;
    for (std::size_t which = 0; which < all.size(); ++which) {
      const Recorder& far = all[which]->far;
      const std::string_view piece = std::string_view(text).substr(sent[which], random() % 40);
      if (random() % 2 == 0) {
        all[which]->far.write(piece);
        sent[which] += piece.size();
      }
      done = done && (far.received.size() == text.size() || !far.failures.empty());
    }
    return done;
  });
  for (const auto& ends : all) CHECK(ends->far.received == text);
}
