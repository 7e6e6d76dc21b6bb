#include <doctest/doctest.h>
#include <support/web.h>
#include <tidewire/core/shared_bytes.h>
#include <tidewire/websocket/topics.h>
#include <algorithm>
#include <functional>
#include <new>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

using namespace tidewire;
using namespace tidewire::testing;
using namespace std::chrono_literals;
using websocket::Backpressure;
using websocket::Cause;
using websocket::CloseCode;
using websocket::CloseInfo;
using websocket::Connection;
using websocket::Handle;
using websocket::Message;
using websocket::Options;

namespace {

struct Chat : Site {
  explicit Chat(const Options& options = {}) { websocket::route<Scripted>(*server, "/", options, script); }
  // What the handlers refer to outlives them.
  ~Chat() { server.reset(); }

  Recorder& open() { return open_websocket(*this); }
  void until_closed() {
    until([&] { return script.closed(); });
  }
  Script script;
};

/// A message larger than what the memory stream and the marks take.
const std::string big(300'000, 'b');

}  // namespace

TEST_SUITE_BEGIN("websocket connection");

TEST_CASE("a message is echoed, and a close is answered, with one on_close") {
  Chat chat;
  chat.script.message = [](Connection& peer, const Message& message) { peer.send(message); };
  Recorder& client = chat.open();
  client.write(masked(0x81, "hello") + masked(0x82, "bytes") + masked(0x88, farewell(4001, "bye")));
  chat.until_over(client);
  CHECK(client.received == plain(0x81, "hello") + plain(0x82, "bytes") + plain(0x88, farewell(4001)));
  CHECK(chat.script.events == std::vector<std::string>{"open", "text hello", "binary bytes", "close"});
  CHECK(chat.script.info.cause == Cause::peer_closed);
  CHECK(chat.script.info.code == static_cast<CloseCode>(4001));
  CHECK(chat.script.reason == "bye");
  client.stream->close();
  chat.until_empty();
  CHECK(chat.script.closes == 1);
}

OVER_STREAMS("messages of every size that come together come back together, in order", tcp, unix_socket, memory,
             tls_over_tcp, tls_over_memory) {
  Chat chat;
  chat.script.message = [](Connection& peer, const Message& message) { peer.send(message); };
  Recorder& client = chat.connect_by(kind);
  client.write(upgrade("/"));
  await_upgrade(chat, client);
  std::string sent, expected;
  const auto add = [&](std::size_t size) {
    std::string text;
    for (std::size_t index = 0; index < size; ++index) text += static_cast<char>('a' + (index + size) % 26);
    const unsigned first = size % 2 == 0 ? 0x81 : 0x82;
    sent += masked(first, text);
    expected += plain(first, text);
  };
  for (std::size_t size = 0; size < 130; ++size) add(size);
  // Some of these leave at once, and those behind them must not overtake what is held.
  for (const std::size_t size : {4'000U, 4'096U, 4'097U, 5U, 17'000U, 6U, 70'000U, 7U, 300'000U, 8U}) add(size);
  for (int count = 0; count < 3'000; ++count) add(20);
  client.write(sent);
  chat.until([&] { return client.received.size() >= expected.size(); });
  CHECK(client.received == expected);
}

TEST_CASE("close, abort, throw and destroying the server are allowed in every callback") {
  enum class Deed { close, abort, exception, destroy, handle_close };
  enum class Where { open, message, ping, pong, drain, close };
  for (const Where where : {Where::open, Where::message, Where::ping, Where::pong, Where::drain, Where::close}) {
    for (const Deed deed : {Deed::close, Deed::abort, Deed::exception, Deed::destroy, Deed::handle_close}) {
      CAPTURE(static_cast<int>(where));
      CAPTURE(static_cast<int>(deed));
      Chat chat({.close_timeout = 100ms});
      const auto act = [&](Connection& peer) {
        switch (deed) {
          case Deed::close:
            peer.close(CloseCode::normal, "enough");
            CHECK(peer.send("too late") == SendStatus::closed);
            CHECK(peer.ping() == SendStatus::closed);
            break;
          case Deed::abort:
            peer.abort();
            CHECK(peer.send("too late") == SendStatus::closed);
            break;
          case Deed::exception:
            throw std::runtime_error("deliberate");
          case Deed::destroy:
            chat.server.reset();
            CHECK(peer.send("too late") == SendStatus::closed);
            break;
          case Deed::handle_close:
            peer.handle().close();
            break;
        }
      };
      if (where == Where::open) chat.script.open = act;
      if (where == Where::message) chat.script.message = [&](Connection& peer, const Message&) { act(peer); };
      if (where == Where::ping) chat.script.ping = [&](Connection& peer, Bytes) { act(peer); };
      if (where == Where::pong) chat.script.pong = [&](Connection& peer, Bytes) { act(peer); };
      if (where == Where::drain) {
        chat.script.message = [](Connection& peer, const Message&) { peer.send(big); };
        chat.script.drain = act;
      }
      if (where == Where::close) chat.script.close = [&](Connection& peer, const CloseInfo&) { act(peer); };
      Recorder& client = chat.connect();
      client.write(upgrade("/") + masked(0x81, "m") + masked(0x89, "") + masked(0x8A, "") + masked(0x81, "m"));
      if (where == Where::close) client.write(masked(0x88, ""));
      chat.until_closed();
      chat.until_over(client);
      client.stream->close();
      settle(chat.loop);
      CHECK(chat.script.closes == 1);
      CHECK(chat.script.events.back() == "close");
    }
  }
}

TEST_CASE("nothing is delivered after a close in the middle of what came at once") {
  Chat chat;
  chat.script.message = [](Connection& peer, const Message&) { peer.close(); };
  Recorder& client = chat.open();
  client.write(masked(0x81, "one") + masked(0x81, "two") + masked(0x81, "three") + masked(0x88, farewell(1000)));
  chat.until_closed();
  CHECK(chat.script.events == std::vector<std::string>{"open", "text one", "close"});
  CHECK(chat.script.info.cause == Cause::local_closed);
}

TEST_CASE("the handler is destroyed once, after its on_close, and may destroy the server then") {
  Chat chat;
  int destroyed = 0;
  chat.script.destroyed = [&] {
    ++destroyed;
    CHECK(chat.script.closes == 1);
    chat.server.reset();
  };
  Recorder& client = chat.open();
  client.write(masked(0x88, ""));
  chat.until([&] { return destroyed != 0; });
  settle(chat.loop);
  CHECK(destroyed == 1);
}

TEST_CASE("a peer that ends without a Close is lost, whoever resets too") {
  Chat chat;
  SUBCASE("FIN") { chat.open().stream->end(); }
  SUBCASE("closed") { chat.open().stream->close(); }
  chat.until_closed();
  CHECK(chat.script.info.cause == Cause::connection_lost);
  CHECK(chat.script.info.code == CloseCode::abnormal);
  chat.until_empty();
}

TEST_CASE("a peer that never answers our Close is cut after the timeout") {
  Chat chat({.close_timeout = 100ms});
  chat.script.open = [](Connection& peer) { peer.close(CloseCode::going_away, "bye"); };
  Recorder& client = chat.open();
  client.write(masked(0x81, "ignored"));
  chat.until_closed();
  CHECK(chat.script.info.cause == Cause::timeout);
  CHECK(chat.script.info.code == CloseCode::going_away);
  CHECK(chat.script.reason == "bye");
  chat.until_empty();
}

TEST_CASE("a silent peer is pinged, and cut when it does not answer") {
  Chat chat({.ping_interval = 100ms, .pong_timeout = 100ms});
  Recorder& client = chat.open();
  chat.until_closed();
  CHECK(client.received.starts_with(plain(0x89, "")));
  CHECK(chat.script.info.cause == Cause::timeout);
}

TEST_CASE("a peer that answers its pings at once stays, however silent it is otherwise") {
  Chat chat({.ping_interval = 100ms, .pong_timeout = 100ms});
  Recorder& client = chat.open();
  std::size_t pings = 0;
  client.data = [&](std::string_view text) {
    pings += count_of(text, plain(0x89, ""));
    client.write(masked(0x8A, ""));
  };
  chat.until([&] { return pings >= 4 || chat.script.closed(); });
  CHECK_FALSE(chat.script.closed());
}

TEST_CASE("with patience longer than the interval, one answered ping is enough until the next") {
  Chat chat({.ping_interval = 50ms, .pong_timeout = 200ms});
  Recorder& client = chat.open();
  std::size_t pings = 0;
  client.data = [&](std::string_view text) {
    pings += count_of(text, plain(0x89, ""));
    client.write(masked(0x8A, ""));
  };
  chat.until([&] { return pings >= 3 || chat.script.closed(); });
  CHECK_FALSE(chat.script.closed());
}

TEST_CASE("a slow reader is closed with cause backpressure by default") {
  Chat chat({.close_timeout = 100ms, .high_water_mark = 1000, .max_backpressure = 100'000});
  std::vector<SendStatus> results;
  chat.script.message = [&](Connection& peer, const Message&) {
    for (int count = 0; count < 3; ++count) results.push_back(peer.send(big));
    results.push_back(peer.send("x"));
  };
  Recorder& client = chat.open();
  client.stream->pause();
  client.write(masked(0x81, "go"));
  chat.until_closed();
  CHECK(results == std::vector{SendStatus::queued, SendStatus::closed, SendStatus::closed, SendStatus::closed});
  CHECK(chat.script.info.cause == Cause::backpressure);
  CHECK(chat.script.info.code == CloseCode::policy_violation);
}

TEST_CASE("with the policy to drop, what does not fit is dropped, and on_drain follows") {
  Chat chat({.high_water_mark = 1000, .max_backpressure = 100'000, .backpressure = Backpressure::drop});
  chat.script.message = [](Connection& peer, const Message&) {
    CHECK(peer.send(big) == SendStatus::queued);
    CHECK(peer.send("dropped") == SendStatus::dropped);
  };
  chat.script.drain = [](Connection& peer) { peer.send("after"); };
  Recorder& client = chat.open();
  client.write(masked(0x81, "go"));
  chat.until_received(client, plain(0x81, "after"));
  CHECK(count_of(client.received, "dropped") == 0);
}

TEST_CASE("messages that wait for the end of one in parts count with the memory that they take") {
  Chat chat({.max_backpressure = 100'000, .backpressure = Backpressure::drop});
  int taken = 0;
  chat.script.message = [&](Connection& peer, const Message&) {
    peer.send_part("begun", false);
    while (peer.send("") != SendStatus::dropped) ++taken;
    peer.send_part("", true);
  };
  Recorder& client = chat.open();
  client.write(masked(0x81, "go"));
  chat.until([&] { return client.received.ends_with(plain(0x81, "")); });
  CHECK(taken > 1'000);
  CHECK(taken < 100'000 / 50);
}

TEST_CASE("pings are dropped while more than the bound waits") {
  Chat chat({.max_backpressure = 100'000});
  std::vector<SendStatus> results;
  chat.script.message = [&](Connection& peer, const Message&) { results = {peer.send(big), peer.ping()}; };
  Recorder& client = chat.open();
  client.write(masked(0x81, "go"));
  chat.until([&] { return client.received.size() >= plain(0x81, big).size(); });
  settle(chat.loop);
  CHECK(results == std::vector{SendStatus::queued, SendStatus::dropped});
  CHECK(client.received == plain(0x81, big));
}

TEST_CASE("with the policy to keep the latest, the last message arrives, and none that is older after it") {
  Chat chat({.high_water_mark = 200'000, .max_backpressure = 250'000, .backpressure = Backpressure::keep_latest});
  std::optional<Handle> handle;
  chat.script.open = [&](Connection& peer) { handle = peer.handle(); };
  Recorder& client = chat.open();
  client.stream->pause();
  handle->send(big);
  settle(chat.loop);
  handle->send(std::string(100'000, '1'));
  handle->send(std::string(100'000, '2'));
  // Small enough to be taken by itself, but newer than what is kept.
  handle->send("3");
  client.stream->resume();
  chat.until_received(client, plain(0x81, "3"));
  settle(chat.loop);
  CHECK(client.received == plain(0x81, big) + plain(0x81, "3"));
}

TEST_CASE("a peer that takes nothing is not read from, and read from again when it does") {
  Chat chat({.high_water_mark = 1000, .backpressure = Backpressure::drop});
  chat.script.message = [](Connection& peer, const Message&) { peer.send(big); };
  Recorder& client = chat.open();
  client.stream->pause();
  client.write(masked(0x81, "first"));
  chat.until([&] { return chat.script.events.size() == 2; });
  client.write(masked(0x81, "second"));
  settle(chat.loop, 50);
  CHECK(chat.script.events.back() == "text first");
  client.stream->resume();
  chat.until([&] { return std::ranges::count(chat.script.events, "text second") == 1; });
}

TEST_CASE("of the pongs that wait behind the mark only the latest is sent") {
  Chat chat({.high_water_mark = 1000});
  chat.script.message = [](Connection& peer, const Message&) { peer.send(big); };
  Recorder& client = chat.open();
  client.write(masked(0x81, "go") + masked(0x89, "one") + masked(0x89, "two") + masked(0x89, "three"));
  chat.until_received(client, plain(0x8A, "three"));
  CHECK(client.received == plain(0x81, big) + plain(0x8A, "three"));
}

TEST_CASE("messages wait for the end of one in parts, in order") {
  Chat chat;
  chat.script.message = [](Connection& peer, const Message&) {
    peer.send_part("a", false);
    peer.send("between");
    peer.send_part("b", false);
    peer.ping();
    peer.send("between too");
    peer.send_part("c", true);
    peer.send("after");
  };
  Recorder& client = chat.open();
  client.write(masked(0x81, "go"));
  chat.until_received(client, "after");
  CHECK(client.received == plain(0x01, "a") + plain(0x00, "b") + plain(0x89, "") + plain(0x80, "c") +
                               plain(0x81, "between") + plain(0x81, "between too") + plain(0x81, "after"));
}

TEST_CASE("a close code that may not be sent becomes 1011, a bad reason is left out, a long one cut") {
  Chat chat;
  std::string expected;
  SUBCASE("code") {
    chat.script.open = [](Connection& peer) { peer.close(CloseCode::abnormal, "x"); };
    expected = farewell(1011, "x");
  }
  SUBCASE("reason") {
    chat.script.open = [](Connection& peer) { peer.close(CloseCode::normal, "\xFF"); };
    expected = farewell(1000);
  }
  SUBCASE("length") {
    chat.script.open = [](Connection& peer) { peer.close(CloseCode::normal, std::string(200, 'r')); };
    expected = farewell(1000, std::string(123, 'r'));
  }
  Recorder& client = chat.open();
  chat.until_received(client, plain(0x88, expected));
}

TEST_CASE("the reason that on_close gets is the one that was sent") {
  Chat chat({.close_timeout = 100ms});
  chat.script.open = [](Connection& peer) { peer.close(CloseCode::normal, std::string(200, 'r')); };
  chat.open();
  chat.until_closed();
  CHECK(chat.script.reason == std::string(123, 'r'));
}

TEST_CASE("draining says Close 1001, and the peer's answer ends the connection with cause shutdown") {
  Chat chat;
  Recorder& client = chat.open();
  bool drained = false;
  chat.server->drain(30s, [&] { drained = true; });
  chat.until_received(client, plain(0x88, farewell(1001)));
  client.write(masked(0x88, farewell(1001)));
  chat.until_over(client);
  CHECK(chat.script.info.cause == Cause::shutdown);
  // Close has gone both ways: the client's FIN is not waited for.
  chat.until([&] { return drained; });
  CHECK_FALSE(client.stream->closing());
}

TEST_CASE("frames in the packet of the handshake are handled, in order") {
  Chat chat;
  chat.script.message = [](Connection& peer, const Message& message) { peer.send(message); };
  Recorder& client = chat.connect();
  client.write(upgrade("/") + masked(0x81, "one") + masked(0x81, "two"));
  chat.until_received(client, plain(0x81, "one") + plain(0x81, "two"));
  CHECK(client.received.starts_with("HTTP/1.1 101 "));
}

TEST_CASE("a client that ends behind its handshake and first frames is heard, and then lost") {
  Chat chat;
  Recorder& client = chat.connect();
  client.write(upgrade("/") + masked(0x81, "one"));
  client.stream->end();
  chat.until_closed();
  CHECK(chat.script.events == std::vector<std::string>{"open", "text one", "close"});
}

OVER_STREAMS("what is sent in answer to messages that came with the peer's end still goes out", tcp, unix_socket,
             memory, tls_over_tcp, tls_over_memory) {
  Chat chat;
  chat.script.message = [](Connection& peer, const Message& message) {
    peer.send(message);
    peer.send(big);
  };
  Recorder& client = chat.connect_by(kind);
  client.write(upgrade("/") + masked(0x81, "one") + masked(0x81, "two"));
  client.stream->end();
  chat.until_over(client);
  CHECK(client.failures.empty());
  CHECK(client.received.ends_with(plain(0x81, "one") + plain(0x81, big) + plain(0x81, "two") + plain(0x81, big)));
  // A stream that takes little at a time says when it has taken the most.
  std::erase(chat.script.events, "drain");
  CHECK(chat.script.events == std::vector<std::string>{"open", "text one", "text two", "close"});
  CHECK(chat.script.info.cause == Cause::connection_lost);
  chat.until_empty();
}

OVER_STREAMS("a Close with bytes after it is answered with ours, and no reset takes that back", tcp, unix_socket,
             memory, tls_over_tcp, tls_over_memory) {
  Chat chat({.close_timeout = 1h});
  Recorder& client = chat.connect_by(kind);
  client.write(upgrade("/"));
  await_upgrade(chat, client);
  client.stream->pause();
  client.write(masked(0x88, farewell(1000)) + std::string(3'000'000, 'x'));
  chat.until([&] { return client.stream->queued_bytes() == 0; });
  settle(chat.loop);
  client.write("and more");
  settle(chat.loop);
  client.stream->resume();
  chat.until_over(client);
  CHECK(client.received == plain(0x88, farewell(1000)));
  CHECK(client.failures.empty());
  client.stream->end();
  chat.until_empty();
}

TEST_CASE("what comes after the end is dropped up to a bound") {
  Chat chat({.close_timeout = 1h});
  SUBCASE("after the peer's Close") { chat.open().write(masked(0x88, farewell(1000)) + std::string(20 << 20, 'x')); }
  SUBCASE("after ours for a violation") { chat.open().write(masked(0x83, "") + std::string(20 << 20, 'x')); }
  chat.until_empty();
  CHECK(chat.script.closes == 1);
}

OVER_STREAMS("a peer that is given up on is reset, and the system keeps nothing for it", tcp, memory, tls_over_tcp) {
  Chat chat({.ping_interval = 100ms, .pong_timeout = 100ms, .close_timeout = 100ms});
  const std::string large(16 << 20, 'x');
  std::string last;
  SUBCASE("no answer to a ping") {
    chat.script.message = [&](Connection& peer, const Message&) { peer.send(large); };
  }
  SUBCASE("no answer to a Close") {
    chat.script.message = [&](Connection& peer, const Message&) {
      peer.send(large);
      peer.close();
    };
  }
  SUBCASE("too slow") {
    chat.script.message = [&](Connection& peer, const Message&) {
      peer.send(large);
      peer.send(large);
    };
  }
  SUBCASE("after both Closes") {
    last = masked(0x88, farewell(1000));
    chat.script.message = [&](Connection& peer, const Message&) {
      peer.send(large);
      peer.close();
    };
  }
  Recorder& client = chat.connect_by(kind);
  client.data = [&](std::string_view) { client.stream->pause(); };
  client.write(upgrade("/"));
  // A message is taken whole if nothing waits before it: not the 101 either.
  chat.until([&] { return client.data_calls == 1; });
  client.write(masked(0x81, "go") + last);
  chat.until_closed();
  chat.until([&] { return client.failures.size() == 1; });
  chat.until_empty();
}

TEST_CASE("the peer's bytes after its Close are dropped, and the stream ends") {
  Chat chat({.close_timeout = 100ms});
  Recorder& client = chat.open();
  client.write(masked(0x88, farewell(1000)) + masked(0x81, "late") + std::string(100'000, 'x'));
  chat.until_over(client);
  CHECK(chat.script.events == std::vector<std::string>{"open", "close"});
  chat.until_empty();
}

TEST_CASE("an application that aborts another connection in a callback, and that one it") {
  Chat chat;
  std::vector<Handle> handles;
  chat.script.open = [&](Connection& peer) { handles.push_back(peer.handle()); };
  chat.script.message = [&](Connection& peer, const Message&) {
    for (Handle& handle : handles) handle.run([](Connection& each) { each.abort(); });
    CHECK_FALSE(peer.open());
  };
  Recorder& one = chat.open();
  Recorder& other = chat.open();
  one.write(masked(0x81, "x"));
  chat.until([&] { return chat.script.closes == 2; });
  chat.until_over(other);
  chat.until_empty();
}

TEST_CASE("on_close never runs within a call of the application's") {
  const std::vector<std::pair<const char*, std::function<void(Connection&, Handle&)>>> ways = {
      {"abort", [](Connection& peer, Handle&) { peer.abort(); }},
      {"abort, and more",
       [](Connection& peer, Handle& handle) {
         peer.abort();
         CHECK(peer.send("x") == SendStatus::closed);
         peer.close();
         peer.abort();
         CHECK_FALSE(handle.run([](Connection&) { FAIL("ran on a connection that has ended"); }));
       }},
      {"abort by a handle", [](Connection&, Handle& handle) { handle.run([](Connection& each) { each.abort(); }); }},
      {"abort by a handle within one",
       [](Connection&, Handle& handle) {
         handle.run([&](Connection&) { handle.run([](Connection& each) { each.abort(); }); });
       }},
      {"no memory in an action",
       [](Connection&, Handle& handle) { handle.run([](Connection&) { throw std::bad_alloc(); }); }},
  };
  for (const bool in_callback_of_another : {false, true}) {
    for (const auto& [name, way] : ways) {
      const auto title = name;
      CAPTURE(title);
      CAPTURE(in_callback_of_another);
      Chat chat;
      Connection* victim = nullptr;
      Handle handle;
      bool calling = false;
      chat.script.open = [&](Connection& peer) {
        if (victim == nullptr) victim = &peer, handle = peer.handle();
      };
      chat.script.close = [&](Connection&, const websocket::CloseInfo&) { CHECK_FALSE(calling); };
      Recorder& client = chat.open();
      Recorder& other = chat.open();
      const auto act = [&, &way = way] {
        calling = true;
        way(*victim, handle);
        calling = false;
        CHECK(chat.script.closes == 0);
        CHECK_FALSE(handle.open());
        CHECK_FALSE(victim->open());
      };
      chat.script.message = [&](Connection&, const Message&) { act(); };
      in_callback_of_another ? other.write(masked(0x81, "x")) : act();
      chat.until([&] { return chat.script.closes == 1; });
      chat.until_over(client);
      CHECK_FALSE(chat.over(other));
      CHECK(chat.server->open_connections().value() == 1);
    }
  }
}

TEST_CASE("a server that is destroyed before on_close was due calls it then, once") {
  Chat chat;
  Connection* peer = nullptr;
  chat.script.open = [&](Connection& opened) { peer = &opened; };
  Recorder& client = chat.open();
  peer->abort();
  CHECK(chat.script.closes == 0);
  chat.server.reset();
  CHECK(chat.script.closes == 1);
  chat.until_over(client);
  settle(chat.loop);
  CHECK(chat.script.closes == 1);
}

TEST_CASE("bytes of a frame of megabytes arrive whole, whatever their pieces") {
  Chat chat;
  std::string got;
  chat.script.message = [&](Connection&, const Message& message) { got = message.text(); };
  Recorder& client = chat.connect({.capacity_bytes = 50'000, .chunk_bytes = 7'777});
  const std::string text = pattern(1'000'000);
  client.write(upgrade("/") + masked(0x81, text) + masked(0x81, "next"));
  chat.until([&] { return got == "next"; });
  CHECK(chat.script.events.at(1) == "text " + text);
}

namespace {

/// Of these tests' options: nothing is pinged, so that the pace alone ends connections.
Options paced(std::chrono::milliseconds window) {
  return {.min_bytes_per_second = 1000, .rate_window = window, .ping_interval = 0ms, .close_timeout = 100ms};
}

void run_for(Chat& chat, std::chrono::milliseconds time) {
  bool over = false;
  const Timer timer = Timer::after(chat.loop, time, [&] { over = true; });
  chat.until([&] { return over; });
}

}  // namespace

TEST_CASE("a message, frame or header that has begun and does not go on is closed with 1008, pings or not") {
  Chat chat(paced(100ms));
  std::string begun;
  SUBCASE("half a header") { begun = masked(0x82, "x").substr(0, 1); }
  SUBCASE("a frame without its payload") { begun = masked(0x82, "0123456789").substr(0, 6); }
  SUBCASE("some of a frame") { begun = masked(0x82, "0123456789").substr(0, 9); }
  SUBCASE("a fragment without the next") { begun = masked(0x02, "0123456789"); }
  SUBCASE("half a ping") { begun = masked(0x89, "0123456789").substr(0, 9); }
  const bool between_frames = begun.size() == masked(0x02, "0123456789").size();
  Recorder& client = chat.open();
  const Timer pinging = Timer::every(chat.loop, 20ms, [&] {
    if (between_frames) client.write(masked(0x89, "still here"));
  });
  client.write(begun);
  chat.until_closed();
  CHECK(chat.script.info.cause == Cause::timeout);
  CHECK(chat.script.info.code == CloseCode::policy_violation);
  CHECK(chat.script.reason == "message too slow");
  CHECK(count_of(client.received, plain(0x88, farewell(1008, "message too slow"))) == 1);
}

TEST_CASE("a message that comes a byte at a time has an end, fast enough or not") {
  Chat chat({.message_timeout = 200ms, .min_bytes_per_second = 0, .ping_interval = 0ms, .close_timeout = 100ms});
  Recorder& client = chat.open();
  client.write(masked(0x82, std::string(100'000, 'x')).substr(0, 14));
  const Timer trickling = Timer::every(chat.loop, 10ms, [&] { client.write("x"); });
  chat.until_closed();
  CHECK(chat.script.info.cause == Cause::timeout);
  CHECK(chat.script.info.code == CloseCode::policy_violation);
  CHECK(chat.script.reason == "message took too long");
}

TEST_CASE("a message that comes fast enough may take many windows, beside the pings of a silent time") {
  // A byte a window.
  Chat chat({.min_bytes_per_second = 5, .rate_window = 200ms, .ping_interval = 50ms, .pong_timeout = 1'000ms});
  Recorder& client = chat.open();
  const std::string message = masked(0x81, std::string(60, 'x'));
  std::size_t sent = 0;
  const Timer trickling = Timer::every(chat.loop, 10ms, [&] {
    if (sent < message.size()) client.write(message.substr(sent++, 1));
  });
  chat.until([&] { return chat.script.events.size() > 1; });
  CHECK(chat.script.events.back() == "text " + std::string(60, 'x'));
  // Once it is complete, silence is for pings alone.
  client.data = [&](std::string_view) { client.write(masked(0x8A, "")); };
  run_for(chat, 500ms);
  CHECK_FALSE(chat.script.closed());
}

TEST_CASE("with fragments delivered, a frame has a pace and the time between frames has none") {
  Options options = paced(100ms);
  options.deliver_fragments = true;
  Chat chat(options);
  Recorder& client = chat.open();
  for (const unsigned first : {0x01U, 0x00U}) {
    client.write(masked(first, "part"));
    run_for(chat, 300ms);
    CHECK_FALSE(chat.script.closed());
  }
  client.write(masked(0x80, "0123456789").substr(0, 9));
  chat.until_closed();
  CHECK(chat.script.info.cause == Cause::timeout);
  CHECK(chat.script.reason == "message too slow");
}

TEST_CASE("while the peer is not read from, no message of its is too slow") {
  Options options = paced(100ms);
  options.message_timeout = 200ms;
  options.high_water_mark = 1000;
  Chat chat(options);
  chat.script.message = [&](Connection& peer, const Message&) { peer.send(big); };
  Recorder& client = chat.open();
  client.stream->pause();
  const std::string second = masked(0x81, "second");
  client.write(masked(0x81, "first") + second.substr(0, 8));
  run_for(chat, 500ms);
  REQUIRE_FALSE(chat.script.closed());
  CHECK(chat.script.events.back() == "text first");
  client.write(second.substr(8));
  client.stream->resume();
  chat.until([&] { return std::ranges::count(chat.script.events, "text second") == 1; });
}

TEST_CASE("a message that is not read for a while and then does not go on is too slow all the same") {
  Options options = paced(100ms);
  options.high_water_mark = 1000;
  Chat chat(options);
  chat.script.message = [&](Connection& peer, const Message&) { peer.send(big); };
  Recorder& client = chat.open();
  client.stream->pause();
  client.write(masked(0x81, "first") + masked(0x81, "second").substr(0, 8));
  run_for(chat, 200ms);
  client.stream->resume();
  chat.until_closed();
  CHECK(chat.script.info.cause == Cause::timeout);
  CHECK(chat.script.reason == "message too slow");
}

TEST_SUITE_END();
