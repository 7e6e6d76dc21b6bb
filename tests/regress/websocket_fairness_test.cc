#include <doctest/doctest.h>
#include <support/deflated.h>
#include <support/web.h>
#include <tidewire/core/budget.h>
#include <tidewire/websocket/deflate.h>
#include <tidewire/websocket/prepared_message.h>
#include <tidewire/websocket/topics.h>
#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

// What one peer can have done while another waits: counted, not timed.

using namespace tidewire;
using namespace tidewire::testing;
using websocket::Connection;
using websocket::DeflateOptions;
using websocket::Message;
using websocket::Options;

namespace {

/// A server with a greedy client and an honest one, whose message is noted.
struct Pair : Site {
  explicit Pair(const StreamKind& kind, Options options = {}) {
    websocket::route<Scripted>(*server, "/greedy", options, greedy);
    websocket::route<Scripted>(*server, "/honest", {}, honest);
    greedy.message = [this](Connection& peer, const Message& message) {
      greedy.events.clear();
      ++taken;
      if (answers) peer.send(message);
    };
    honest.message = [this](Connection&, const Message&) {
      work_before = loop.budget().done() - work_at_start;
      taken_before = taken;
      heard = true;
    };
    flood = &connect_by(kind);
    flood->write(upgrade("/greedy", options.deflate ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : ""));
    await_upgrade(*this, *flood);
    other = &connect_by(kind);
    other->write(upgrade("/honest"));
    await_upgrade(*this, *other);
  }
  ~Pair() { server.reset(); }

  /// Both write at once; returns when the honest one was heard.
  void race(const std::string& bytes) {
    flood->write(bytes);
    settle(loop, 2);
    heard = false;
    work_at_start = loop.budget().done();
    other->write(masked(0x81, "hello"));
    until([&] { return heard; });
  }

  Script greedy, honest;
  Recorder* flood = nullptr;
  Recorder* other = nullptr;
  bool answers = true;
  bool heard = false;
  std::size_t taken = 0;         // Messages of the greedy one.
  std::size_t taken_before = 0;  // When the honest one was heard.
  std::uint64_t work_at_start = 0;
  std::uint64_t work_before = 0;
};

// A message is heard a few turns after it was written: it has to leave, to be found, and to be served.
constexpr std::uint64_t fair_work = 6 * Budget::turn_work;

std::string repeated(const std::string& frame, std::size_t count) {
  std::string all;
  all.reserve(frame.size() * count);
  for (std::size_t index = 0; index < count; ++index) all += frame;
  return all;
}

std::string compressed(std::string_view text) {
  websocket::DeflateEngines engines;
  websocket::Deflater deflater(engines, {.level = 9});
  Buffer out;
  REQUIRE(deflater.compress(as_bytes(text), true, out));
  return std::string(as_text(out.view()));
}

}  // namespace

#define OVER_SOME_STREAMS(name) OVER_STREAMS(name, tcp, tcp_by_libuv, tls_over_tcp)

TEST_SUITE_BEGIN("websocket fairness");

OVER_SOME_STREAMS("a flood of short messages leaves others their turn, and arrives whole") {
  Pair pair(kind);
  constexpr std::size_t count = 100'000;
  pair.race(repeated(masked(0x82, "x"), count));
  CHECK(pair.work_before < fair_work);
  CHECK(pair.taken_before < count / 2);
  pair.until([&] { return pair.taken == count; });
  pair.until([&] { return pair.flood->received.size() == count * 3; });
}

OVER_SOME_STREAMS("a flood of pings or pongs does, too") {
  for (const unsigned opcode : {0x89U, 0x8aU}) {
    Pair pair(kind);
    pair.race(repeated(masked(opcode, ""), 100'000));
    CHECK(pair.work_before < fair_work);
    pair.flood->write(masked(0x81, "last"));
    pair.until([&] { return pair.taken == 1; });
  }
}

OVER_SOME_STREAMS("a message in very many fragments does, too") {
  Pair pair(kind);
  pair.race(masked(0x02, "") + repeated(masked(0x00, ""), 100'000) + masked(0x80, "end"));
  CHECK(pair.work_before < fair_work);
  CHECK(pair.taken_before == 0);
  pair.until([&] { return pair.taken == 1; });
}

OVER_SOME_STREAMS("a message that becomes large when inflated is interrupted within") {
  for (const bool fragments : {false, true}) {
    Pair pair(kind, {.deflate = DeflateOptions{}, .deliver_fragments = fragments});
    pair.answers = false;
    const std::string bomb = compressed(std::string(std::size_t{1} << 20, '\0'));
    pair.race(repeated(masked(0xc2, bomb), 40));
    CHECK(pair.work_before < fair_work);
    CHECK(pair.taken_before <= 6);
    if (fragments) {
      const auto is_last = [](const std::string& event) { return event.ends_with("."); };
      pair.until([&] { return std::ranges::count_if(pair.greedy.events, is_last) == 40; });
    } else {
      pair.until([&] { return pair.taken == 40; });
    }
  }
}

OVER_SOME_STREAMS("what a handler compresses counts, too, to whomever it goes") {
  const std::string large(100'000, 'a');
  const Message answer(websocket::MessageType::text, as_bytes(large));
  std::optional<websocket::Topics> topics;
  const std::array<std::function<void(Connection&)>, 3> ways{
      [&](Connection& peer) { peer.send(answer); },
      [&](Connection& peer) { peer.send(websocket::PreparedMessage(answer)); },
      [&](Connection&) { topics->publish("all", answer); },
  };
  for (const auto& answers : ways) {
    Pair pair(kind, {.deflate = DeflateOptions{}});
    topics.emplace(pair.loop);
    pair.greedy.message = [&](Connection& peer, const Message&) {
      if (pair.taken++ == 0) topics->subscribe(peer, "all");
      answers(peer);
    };
    pair.race(repeated(masked(0x82, "x"), 1000));
    CHECK(pair.work_before < fair_work);
    CHECK(pair.taken_before < 100);
    pair.until([&] { return pair.taken == 1000; });
    pair.server.reset();
    topics.reset();
  }
}

TEST_CASE("blocks of a compressed message that have no text are interrupted, too") {
  websocket::SpareAssembly spare;
  websocket::Protocol protocol(websocket::Role::server);
  protocol.use_deflate({});
  // Stored blocks without text, as many as a frame may have.
  std::string payload;
  while (payload.size() < 60'000) payload += std::string("\x00\x00\x00\xff\xff", 5);
  payload += std::string(1, '\0');
  std::string bytes = masked(0xc2, payload);
  MutableBytes input(reinterpret_cast<std::byte*>(bytes.data()), bytes.size());
  Budget budget;
  int slices = 0;
  std::optional<websocket::Event> event;
  while (!event && slices < 1000) {
    budget.begin_slice();
    const std::uint64_t before = budget.done();
    event = protocol.next(input, {}, spare, nullptr, &budget);
    CHECK(budget.done() - before < 3 * Budget::slice_work);
    ++slices;
  }
  REQUIRE(event);
  CHECK(event->kind == websocket::Event::Kind::message);
  CHECK(event->payload.empty());
  CHECK(slices > 5);
  CHECK_FALSE(protocol.unfinished());
}

TEST_CASE("an interrupted message comes out the same, however often it was") {
  const std::string text = pattern(300'000);
  std::string bytes = masked(0xc1, compressed(text)) + masked(0x81, "next");
  MutableBytes input(reinterpret_cast<std::byte*>(bytes.data()), bytes.size());
  websocket::SpareAssembly spare;
  websocket::Protocol protocol(websocket::Role::server);
  protocol.use_deflate({});
  Budget budget;
  int calls = 0;
  std::vector<std::string> messages;
  while (messages.size() < 2 && calls < 1000) {
    // Spent before it begins: each call does one step.
    budget.begin_slice();
    budget.charge(Budget::slice_work);
    const auto event = protocol.next(input, {}, spare, nullptr, &budget);
    if (event) messages.emplace_back(as_text(event->payload));
    ++calls;
    CHECK((event || !input.empty() || protocol.unfinished()));
  }
  CHECK(messages == std::vector<std::string>{text, "next"});
  CHECK(calls > 10);
  CHECK(input.empty());
}

TEST_SUITE_END();

TEST_SUITE_BEGIN("websocket pausing");

namespace {

struct Paused : Site {
  explicit Paused(const Options& options = {}) {
    websocket::route<Scripted>(*server, "/", options, script);
    script.open = [this](Connection& peer) { handle = peer.handle(); };
    script.message = [](Connection& peer, const Message& message) {
      if (message.text() == "pause") peer.pause_reading();
    };
  }
  ~Paused() { server.reset(); }
  void on_connection(std::function<void(Connection&)> action) const { REQUIRE(handle.run(std::move(action))); }
  [[nodiscard]] std::size_t messages() const { return script.events.size() - 1; }

  Script script;
  websocket::Handle handle;
};

}  // namespace

OVER_STREAMS("pausing takes effect at the next message, and what has come is kept", tcp, memory, tls_over_tcp,
             tcp_by_libuv) {
  Paused site;
  Recorder& client = site.connect_by(kind);
  client.write(upgrade("/"));
  await_upgrade(site, client);
  client.write(masked(0x81, "one") + masked(0x81, "pause") + masked(0x81, "two") + masked(0x89, "ping"));
  site.until([&] { return site.messages() == 2; });
  client.write(masked(0x81, "three"));
  settle(site.loop);
  CHECK(site.script.events == std::vector<std::string>{"open", "text one", "text pause"});
  site.on_connection([](Connection& peer) {
    CHECK(peer.reading_paused());
    peer.resume_reading();
    CHECK_FALSE(peer.reading_paused());
    peer.resume_reading();
  });
  // Not within the call that resumes.
  CHECK(site.messages() == 2);
  site.until([&] { return site.messages() == 5; });
  CHECK(site.script.events[3] == "text two");
  CHECK(site.script.events[4] == "ping ping");
  CHECK(site.script.events[5] == "text three");
}

TEST_CASE("reading can be paused for each message, and resumed in the callback") {
  Paused site;
  site.script.message = [](Connection& peer, const Message&) {
    peer.pause_reading();
    peer.pause_reading();
    peer.resume_reading();
  };
  Recorder& client = open_websocket(site);
  client.write(repeated(masked(0x81, "x"), 1000));
  site.until([&] { return site.messages() == 1000; });
}

TEST_CASE("reading can be paused from the beginning, before messages that came with the handshake") {
  Paused site;
  site.script.open = [&](Connection& peer) {
    site.handle = peer.handle();
    peer.pause_reading();
  };
  Recorder& client = site.connect();
  client.write(upgrade("/") + masked(0x81, "early"));
  await_upgrade(site, client);
  settle(site.loop);
  CHECK(site.messages() == 0);
  site.on_connection([](Connection& peer) { peer.resume_reading(); });
  site.until([&] { return site.messages() == 1; });
}

TEST_CASE("a message that is compressed or in parts is kept when reading pauses amid it") {
  Paused site({.deflate = DeflateOptions{}});
  Recorder& client = open_deflating(site);
  const std::string text = pattern(50'000);
  const std::string frame = masked(0xc1, compressed(text));
  client.write(masked(0x01, "pau") + masked(0x80, "se") + frame.substr(0, frame.size() / 2));
  site.until([&] { return site.messages() == 1; });
  client.write(frame.substr(frame.size() / 2));
  settle(site.loop);
  CHECK(site.messages() == 1);
  site.on_connection([](Connection& peer) { peer.resume_reading(); });
  site.until([&] { return site.messages() == 2; });
  CHECK(site.script.events[2] == "text " + text);
}

TEST_CASE("closing while reading is paused reads on, for the peer's answer") {
  Paused site;
  Recorder& client = open_websocket(site);
  client.write(masked(0x81, "pause") + masked(0x81, "not delivered"));
  site.until([&] { return site.messages() == 1; });
  site.on_connection([](Connection& peer) { peer.close(); });
  site.until_received(client, "\x88");
  client.write(masked(0x88, farewell(1000)));
  site.until([&] { return site.script.closed(); });
  CHECK(site.messages() == 2);  // "pause", and the close.
  CHECK(site.script.info.cause == websocket::Cause::local_closed);
}

TEST_CASE("a peer that is not read from is not held to answer pings, and is again when it is") {
  using namespace std::chrono_literals;
  Paused site({.ping_interval = 50ms, .pong_timeout = 50ms});
  Recorder& client = open_websocket(site);
  client.write(masked(0x81, "pause"));
  site.until([&] { return site.messages() == 1; });
  // Pings go on, unanswered.
  site.until([&] { return count_of(client.received, plain(0x89, "")) >= 6; });
  CHECK_FALSE(site.script.closed());
  site.on_connection([](Connection& peer) { peer.resume_reading(); });
  site.until([&] { return site.script.closed(); });
  CHECK(site.script.info.cause == websocket::Cause::timeout);
}

TEST_CASE("reading goes on when both the handler and the peer's slowness allow it") {
  Paused site({.high_water_mark = 1000});
  site.script.message = [](Connection& peer, const Message& message) {
    if (message.text() != "flood") return;
    peer.pause_reading();
    peer.send(Message(websocket::MessageType::text, as_bytes(std::string(300'000, 'b'))));
  };
  Recorder& client = site.connect({.capacity_bytes = 1000}, false);
  client.write(upgrade("/"));
  client.stream->resume();
  await_upgrade(site, client);
  client.stream->pause();
  client.write(masked(0x81, "flood") + masked(0x81, "later"));
  site.until([&] { return site.messages() == 1; });
  settle(site.loop);
  site.on_connection([](Connection& peer) { peer.resume_reading(); });
  client.stream->resume();
  site.until([&] { return std::ranges::find(site.script.events, "text later") != site.script.events.end(); });
}

TEST_SUITE_END();
