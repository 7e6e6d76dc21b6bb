#include <doctest/doctest.h>
#include <tidewire/websocket/pace.h>
#include <tidewire/websocket/protocol.h>
#include <string>
#include <vector>

using namespace tidewire;
using namespace tidewire::websocket;

namespace {

using Kind = Event::Kind;
using Input = std::vector<std::byte>;

constexpr std::uint32_t test_key = 0x3d21fa37;

struct FrameOptions {
  bool fin = true;
  bool masked = true;
};

Input frame(Opcode opcode, std::string_view payload, FrameOptions options = {}) {
  Input bytes(max_header_bytes);
  bytes.resize(encode_header({.opcode = opcode,
                              .fin = options.fin,
                              .masked = options.masked,
                              .masking_key = test_key,
                              .payload_bytes = payload.size()},
                             bytes.data()));
  const std::size_t header_bytes = bytes.size();
  bytes.resize(header_bytes + payload.size());
  copy_masked(bytes.data() + header_bytes, as_bytes(payload), options.masked ? test_key : 0);
  return bytes;
}

Input operator+(Input first, const Input& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

std::string close_payload(unsigned code, std::string_view reason = "") {
  return std::string{static_cast<char>(code >> 8), static_cast<char>(code & 255)} + std::string(reason);
}

std::string text_of(Bytes bytes) { return std::string(as_text(bytes)); }
std::string text_of(const ControlFrame& frame) { return std::string(as_text(frame.bytes())); }

// A server's end, with what its owner keeps.
struct Server {
  Protocol protocol{Role::server};
  Limits limits;
  SpareAssembly spare;
  Input input;
  MutableBytes rest;

  std::optional<Event> feed(Input bytes) {
    input = std::move(bytes);
    rest = input;
    return next();
  }
  std::optional<Event> next() { return protocol.next(rest, limits, spare); }
};

}  // namespace

TEST_CASE("an idle protocol is two words") { CHECK(sizeof(Protocol) <= 16); }

TEST_CASE("a protocol is at rest between messages, and not while one comes or there is something to say of it") {
  Server server;
  CHECK(server.protocol.at_rest());
  const Input hello = frame(Opcode::text, "hello");
  CHECK_FALSE(server.feed({hello.begin(), hello.begin() + 1}));
  CHECK_FALSE(server.protocol.at_rest());
  REQUIRE(server.feed({hello.begin() + 1, hello.end()}));
  CHECK_FALSE(server.next());
  CHECK(server.protocol.at_rest());
  CHECK_FALSE(server.feed(frame(Opcode::text, "he", {.fin = false})));
  CHECK_FALSE(server.protocol.at_rest());
  REQUIRE(server.feed(frame(Opcode::continuation, "llo")));
  CHECK_FALSE(server.next());
  CHECK(server.protocol.at_rest());
  server.input = frame(Opcode::text, "\xff");
  server.rest = server.input;
  Message message(MessageType::binary, {});
  CHECK_FALSE(server.protocol.try_next_message(server.rest, server.limits, message));
  CHECK(server.rest.empty());
  CHECK_FALSE(server.protocol.at_rest());
  CHECK(server.next()->kind == Event::Kind::violation);
}

TEST_CASE("the short way takes messages that lie whole in the input, and nothing else") {
  Server server;
  Message message(MessageType::binary, {});
  const auto try_next = [&](Input bytes) {
    server.input = std::move(bytes);
    server.rest = server.input;
    return server.protocol.try_next_message(server.rest, server.limits, message);
  };
  for (const std::size_t size : {0U, 1U, 16U, 32U, 33U, 125U, 126U, 9'000U, 65'535U}) {
    server.limits.max_message_bytes = size;
    CHECK(try_next(frame(Opcode::text, std::string(size, 't')) + frame(Opcode::binary, std::string(size, '\xff'))));
    CHECK(message.is_text());
    CHECK(message.text() == std::string(size, 't'));
    CHECK(server.protocol.try_next_message(server.rest, server.limits, message));
    CHECK(message.is_binary());
    CHECK(message.text() == std::string(size, '\xff'));
    CHECK(server.rest.empty());
  }

  const Input whole = frame(Opcode::text, "tide");
  const Input cut(whole.begin(), whole.end() - 1);
  Input longest_form = frame(Opcode::text, std::string(126, 'x'));
  longest_form[3] = std::byte{125};
  const Input large = frame(Opcode::text, std::string(65'536, 'x'));
  server.limits.max_message_bytes = 65'536;
  for (const Input& other :
       {cut, large, longest_form, Input(large.begin(), large.begin() + 7), frame(Opcode::ping, "x"),
        frame(Opcode::text, "x", {.fin = false}), frame(Opcode::text, "x", {.masked = false})}) {
    CHECK_FALSE(try_next(other));
    CHECK(server.rest.size() == other.size());
    CHECK(server.input == other);
  }
  server.limits.max_message_bytes = 3;
  CHECK_FALSE(try_next(whole));
  CHECK(server.input == whole);
}

TEST_CASE("text on the short way that isn't UTF-8 is reported, whatever comes behind it in the same input") {
  const std::string forty(40, 'x');
  for (const Input& behind :
       {Input(), frame(Opcode::text, "short"), frame(Opcode::text, forty), frame(Opcode::binary, forty),
        frame(Opcode::text, "\xC3\xA9"), frame(Opcode::text, std::string(300, 'y'))}) {
    for (const std::string& bad : {std::string("\xFF\xFE"), forty + "\xFF", std::string(200, 'z') + "\xFF"}) {
      Server server;
      server.input = frame(Opcode::text, bad) + behind;
      server.rest = server.input;
      // As a connection does it: the short way as long as it goes, then whatever there is.
      Message message(MessageType::binary, {});
      CHECK_FALSE(server.protocol.try_next_message(server.rest, server.limits, message));
      const auto event = server.next();
      REQUIRE(event);
      CHECK(event->kind == Kind::violation);
      CHECK(event->code == CloseCode::invalid_payload);
      CHECK_FALSE(server.next());
    }
  }
}

TEST_CASE("text on the short way that isn't UTF-8 is reported by the next call, once") {
  for (const std::size_t size : {5U, 32U, 33U, 125U, 126U, 20'000U}) {
    for (const std::string_view bad : {"\xff", "\xe2\x82", "\xc0\xaf"}) {
      Server server;
      Message message(MessageType::binary, {});
      server.input = frame(Opcode::text, std::string(size - bad.size(), 'x') + std::string(bad)) +
                     frame(Opcode::text, "never delivered");
      server.rest = server.input;
      CHECK_FALSE(server.protocol.try_next_message(server.rest, server.limits, message));
      const auto event = server.next();
      REQUIRE(event);
      CHECK(event->kind == Kind::violation);
      CHECK(event->code == CloseCode::invalid_payload);
      CHECK_FALSE(server.protocol.try_next_message(server.rest, server.limits, message));
      CHECK_FALSE(server.next());
      CHECK(server.rest.empty());
    }
  }
}

TEST_CASE("a message within its input is delivered from where it lies") {
  for (const std::size_t size : {0UL, 20UL, 33UL, 1000UL, 70'000UL}) {
    Server server;
    server.limits.max_message_bytes = 70'000;
    const std::string text(size, 'x');
    const auto event = server.feed(frame(Opcode::text, text));
    REQUIRE(event);
    CHECK(event->kind == Kind::message);
    CHECK(event->message().is_text());
    CHECK(event->message().text() == text);
    CHECK(event->payload.data() + size == server.input.data() + server.input.size());
    CHECK(server.rest.empty());
    CHECK_FALSE(server.next());
  }
}

TEST_CASE("messages of one input are delivered one after the other") {
  Server server;
  auto event = server.feed(frame(Opcode::text, "one") + frame(Opcode::binary, "two") + frame(Opcode::text, "three"));
  REQUIRE(event);
  CHECK(text_of(event->payload) == "one");
  event = server.next();
  REQUIRE(event);
  CHECK(event->type == MessageType::binary);
  CHECK(text_of(event->payload) == "two");
  event = server.next();
  REQUIRE(event);
  CHECK(text_of(event->payload) == "three");
  CHECK_FALSE(server.next());
}

TEST_CASE("a message that spans inputs is put together") {
  Server server;
  const Input bytes = frame(Opcode::text, std::string(300, 'a') + "end");
  CHECK_FALSE(server.feed(Input(bytes.begin(), bytes.begin() + 100)));
  CHECK(server.rest.empty());
  const auto event = server.feed(Input(bytes.begin() + 100, bytes.end()));
  REQUIRE(event);
  CHECK(text_of(event->payload) == std::string(300, 'a') + "end");
}

TEST_CASE("fragments are put together, and control frames between them are not part of the message") {
  Server server;
  auto event = server.feed(frame(Opcode::text, "Hel", {.fin = false}) + frame(Opcode::ping, "ping") +
                           frame(Opcode::continuation, "", {.fin = false}) + frame(Opcode::continuation, "lo"));
  REQUIRE(event);
  CHECK(event->kind == Kind::ping);
  CHECK(text_of(event->payload) == "ping");
  event = server.next();
  REQUIRE(event);
  CHECK(event->kind == Kind::message);
  CHECK(text_of(event->payload) == "Hello");
  CHECK_FALSE(server.next());
}

TEST_CASE("a client takes unmasked frames") {
  Protocol client(Role::client);
  SpareAssembly spare;
  Input input = frame(Opcode::text, "Hello", {.masked = false});
  MutableBytes rest = input;
  const auto event = client.next(rest, {}, spare);
  REQUIRE(event);
  CHECK(event->message().text() == "Hello");
}

TEST_CASE("pieces are delivered as they come where the owner asks for them") {
  Server server;
  server.limits.deliver_fragments = true;
  const Input bytes = frame(Opcode::text, "Hello, world");
  auto event = server.feed(Input(bytes.begin(), bytes.begin() + 6 + 5));
  REQUIRE(event);
  CHECK(event->kind == Kind::fragment);
  CHECK(event->fragment().text() == "Hello");
  CHECK(event->first);
  CHECK_FALSE(event->last);
  CHECK_FALSE(server.next());
  event = server.feed(Input(bytes.begin() + 6 + 5, bytes.end()));
  REQUIRE(event);
  CHECK(event->fragment().text() == ", world");
  CHECK_FALSE(event->first);
  CHECK(event->last);
  CHECK_FALSE(server.next());
}

TEST_CASE("a message in one piece is its first and its last") {
  for (const std::size_t size : {0UL, 5UL, 200UL}) {
    Server server;
    server.limits.deliver_fragments = true;
    const auto event = server.feed(frame(Opcode::binary, std::string(size, 'x')));
    REQUIRE(event);
    CHECK(event->kind == Kind::fragment);
    CHECK(event->first);
    CHECK(event->last);
    CHECK(event->payload.size() == size);
  }
}

TEST_CASE("an empty last frame still delivers the end of a message in pieces") {
  Server server;
  server.limits.deliver_fragments = true;
  auto event = server.feed(frame(Opcode::binary, "", {.fin = false}) +
                           frame(Opcode::continuation, "x", {.fin = false}) + frame(Opcode::continuation, ""));
  REQUIRE(event);
  CHECK(event->first);
  CHECK_FALSE(event->last);
  CHECK(text_of(event->payload) == "x");
  event = server.next();
  REQUIRE(event);
  CHECK_FALSE(event->first);
  CHECK(event->last);
  CHECK(event->payload.empty());
}

TEST_CASE("a message over the limit is refused with 1009, before its payload comes") {
  Server server;
  server.limits.max_message_bytes = 10;
  CHECK(server.feed(frame(Opcode::binary, "0123456789"))->kind == Kind::message);
  Input bytes = frame(Opcode::binary, "0123456789a");
  bytes.resize(6);
  const auto event = server.feed(bytes);
  REQUIRE(event);
  CHECK(event->kind == Kind::refusal);
  CHECK(event->code == CloseCode::message_too_big);
  CHECK(event->cause == Cause::too_large);
}

TEST_CASE("what follows a refusal is dropped, pings are answered, and the peer's Close is found behind it") {
  for (const bool in_pieces : {false, true}) {
    for (const std::size_t step : {1U, 7U, 1000U}) {
      CAPTURE(step);
      Server server;
      server.limits = {.max_message_bytes = 10, .deliver_fragments = in_pieces};
      const Input bytes = frame(Opcode::text, "0123456789a") + frame(Opcode::text, "\xFF") +
                          frame(Opcode::binary, "another that is too big") + frame(Opcode::ping, "there?") +
                          frame(Opcode::close, close_payload(1009, "so I heard"));
      std::vector<Kind> kinds;
      for (std::size_t at = 0; at < bytes.size(); at += step) {
        const Input piece(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                          bytes.begin() + static_cast<std::ptrdiff_t>(std::min(at + step, bytes.size())));
        for (auto event = server.feed(piece); event; event = server.next()) {
          kinds.push_back(event->kind);
          if (event->kind == Kind::ping) CHECK(server.protocol.may_send_control());
          if (event->kind != Kind::refusal) continue;
          CHECK(server.protocol.state() == State::refusing);
          CHECK_FALSE(server.protocol.may_send_data());
          REQUIRE(server.protocol.close(event->code, event->reason));
          CHECK(server.protocol.state() == State::close_sent);
        }
      }
      CHECK(kinds == std::vector<Kind>{Kind::refusal, Kind::ping, Kind::close});
      CHECK(server.protocol.state() == State::closed);
    }
  }
}

TEST_CASE("a peer that closes before its message is refused in words gets its own code back") {
  Server server;
  server.limits.max_message_bytes = 10;
  CHECK(server.feed(frame(Opcode::text, "0123456789a") + frame(Opcode::close, close_payload(1000, "")))->kind ==
        Kind::refusal);
  CHECK(server.next()->kind == Kind::close);
  CHECK(server.protocol.state() == State::close_received);
  CHECK(text_of(*server.protocol.close_reply()) == "\x88\x02" + close_payload(1000, ""));
}

TEST_CASE("the limit is on the message, not on the frame, and its sum can't overflow") {
  Server server;
  server.limits.max_message_bytes = 10;
  const Input huge = {std::byte{0x80}, std::byte{0xFF}, std::byte{0x7F}, std::byte{0xFF}, std::byte{0xFF},
                      std::byte{0xFF}, std::byte{0xFF}, std::byte{0xFF}, std::byte{0xFF}, std::byte{0xFF},
                      std::byte{1},    std::byte{2},    std::byte{3},    std::byte{4}};
  SUBCASE("by one byte") {
    const auto event =
        server.feed(frame(Opcode::binary, "012345", {.fin = false}) + frame(Opcode::continuation, "01234"));
    REQUIRE(event);
    CHECK(event->code == CloseCode::message_too_big);
  }
  SUBCASE("by the largest length") {
    const auto event = server.feed(frame(Opcode::binary, "012345", {.fin = false}) + huge);
    REQUIRE(event);
    CHECK(event->code == CloseCode::message_too_big);
  }
  SUBCASE("in pieces") {
    server.limits.deliver_fragments = true;
    auto event = server.feed(frame(Opcode::binary, "012345", {.fin = false}) + frame(Opcode::continuation, "01234"));
    REQUIRE(event);
    CHECK(event->kind == Kind::fragment);
    event = server.next();
    REQUIRE(event);
    CHECK(event->code == CloseCode::message_too_big);
  }
}

TEST_CASE("nothing is parsed or delivered after a violation") {
  Server server;
  const auto event = server.feed(frame(Opcode::continuation, "x") + frame(Opcode::text, "late"));
  REQUIRE(event);
  CHECK(event->kind == Kind::violation);
  CHECK(event->cause == Cause::protocol_error);
  CHECK_FALSE(server.protocol.receiving());
  CHECK_FALSE(server.next());
  CHECK(server.rest.empty());
  CHECK_FALSE(server.feed(frame(Opcode::text, "later")));
  CHECK_FALSE(server.feed(frame(Opcode::close, "")));
}

TEST_CASE("a violation is answered with a Close of its code, once") {
  Server server;
  const auto event = server.feed(frame(Opcode::text, "\xFF"));
  REQUIRE(event);
  CHECK(server.protocol.state() == State::close_received);
  CHECK_FALSE(server.protocol.may_send_data());
  const auto reply = server.protocol.close_reply(event->reason);
  REQUIRE(reply);
  const std::string payload = close_payload(1007, "text that is not UTF-8");
  CHECK(text_of(*reply) == std::string("\x88") + static_cast<char>(payload.size()) + payload);
  CHECK(server.protocol.state() == State::closed);
  const auto again = server.protocol.close_reply();
  REQUIRE_FALSE(again);
  CHECK(again.error().code == make_error_code(Errc::closed));
}

TEST_CASE("the peer's Close is echoed, and nothing behind it is delivered") {
  Server server;
  const auto event = server.feed(frame(Opcode::close, close_payload(4001, "bye")) + frame(Opcode::text, "late"));
  REQUIRE(event);
  CHECK(event->kind == Kind::close);
  CHECK(event->code == static_cast<CloseCode>(4001));
  CHECK(event->reason == "bye");
  CHECK(event->cause == Cause::peer_closed);
  CHECK(server.protocol.state() == State::close_received);
  CHECK_FALSE(server.next());
  CHECK(server.rest.empty());
  CHECK(text_of(server.protocol.close_reply().value()) == std::string("\x88\x02") + close_payload(4001));
  CHECK(server.protocol.state() == State::closed);
}

TEST_CASE("an empty Close is answered by an empty Close") {
  Server server;
  const auto event = server.feed(frame(Opcode::close, ""));
  REQUIRE(event);
  CHECK(event->code == CloseCode::no_status);
  CHECK(event->reason.empty());
  CHECK(text_of(server.protocol.close_reply().value()) == std::string("\x88\x00", 2));
}

TEST_CASE("our Close ends with the peer's") {
  Server server;
  REQUIRE(server.protocol.close(CloseCode::going_away, "restart"));
  CHECK(server.protocol.state() == State::close_sent);
  CHECK_FALSE(server.protocol.may_send_data());
  const auto event = server.feed(frame(Opcode::close, close_payload(1001)));
  REQUIRE(event);
  CHECK(event->kind == Kind::close);
  CHECK(event->cause == Cause::local_closed);
  CHECK(server.protocol.state() == State::closed);
  CHECK_FALSE(server.protocol.close_reply());
}

TEST_CASE("messages that come after our Close are dropped, control frames are delivered") {
  Server server;
  CHECK_FALSE(server.feed(frame(Opcode::text, "half a ", {.fin = false})));
  REQUIRE(server.protocol.close(CloseCode::normal, ""));
  auto event = server.feed(frame(Opcode::continuation, "message") + frame(Opcode::text, "\xFF") +
                           frame(Opcode::binary, std::string(500, 'x'), {.fin = false}) + frame(Opcode::ping, "ping") +
                           frame(Opcode::continuation, "") + frame(Opcode::close, ""));
  REQUIRE(event);
  CHECK(event->kind == Kind::ping);
  CHECK(server.protocol.may_send_control());
  event = server.next();
  REQUIRE(event);
  CHECK(event->kind == Kind::close);
  CHECK_FALSE(server.next());
}

TEST_CASE("framing rules hold after our Close") {
  Server server;
  REQUIRE(server.protocol.close(CloseCode::normal, ""));
  const auto event = server.feed(frame(Opcode::continuation, "x"));
  REQUIRE(event);
  CHECK(event->kind == Kind::violation);
  CHECK(server.protocol.state() == State::closed);
}

TEST_CASE("closing with a code that may not be sent is our error, and changes nothing") {
  Protocol protocol(Role::server);
  for (const unsigned code : {0U, 1004U, 1006U, 1015U, 5000U}) {
    const auto frame = protocol.close(static_cast<CloseCode>(code), "");
    REQUIRE_FALSE(frame);
    CHECK(frame.error().code == make_error_code(Errc::invalid_argument));
  }
  CHECK_FALSE(protocol.close(CloseCode::normal, "\xFF"));
  CHECK(protocol.state() == State::open);
}

TEST_CASE("a long reason is cut after a whole character") {
  Protocol protocol(Role::server);
  const auto frame = protocol.close(CloseCode::normal, std::string(122, 'a') + "\xE2\x82\xAC");
  REQUIRE(frame);
  CHECK(text_of(*frame) == std::string("\x88\x7C") + close_payload(1000, std::string(122, 'a')));
}

TEST_CASE("closing twice is our error") {
  Protocol protocol(Role::server);
  REQUIRE(protocol.close(CloseCode::normal, ""));
  const auto again = protocol.close(CloseCode::normal, "");
  REQUIRE_FALSE(again);
  CHECK(again.error().code == make_error_code(Errc::closed));
}

TEST_CASE("after the stream's end nothing is received or sent") {
  Server server;
  server.protocol.end();
  CHECK_FALSE(server.feed(frame(Opcode::text, "late")));
  CHECK_FALSE(server.protocol.may_send_data());
  CHECK_FALSE(server.protocol.may_send_control());
  CHECK_FALSE(server.protocol.close(CloseCode::normal, ""));
  CHECK_FALSE(server.protocol.ping({}));
}

TEST_CASE("pings and pongs carry their payload and nothing else") {
  Protocol protocol(Role::server);
  CHECK(text_of(protocol.ping(as_bytes("hi")).value()) == "\x89\x02hi");
  CHECK(text_of(protocol.pong({}).value()) == std::string("\x8A\x00", 2));
  const std::string longest(125, 'x');
  CHECK(text_of(protocol.ping(as_bytes(longest)).value()) == "\x89\x7D" + longest);
  const auto too_long = protocol.ping(as_bytes(longest + "x"));
  REQUIRE_FALSE(too_long);
  CHECK(too_long.error().code == make_error_code(Errc::invalid_argument));
}

TEST_CASE("a client masks its control frames") {
  Protocol client(Role::client);
  const auto ping = client.ping(as_bytes("Hello"), test_key);
  REQUIRE(ping);
  CHECK(text_of(*ping) == std::string(as_text(frame(Opcode::ping, "Hello"))));
}

TEST_CASE("pongs may be sent after our Close, and not after the peer's") {
  Server server;
  REQUIRE(server.protocol.close(CloseCode::normal, ""));
  CHECK(server.protocol.pong({}));
  REQUIRE(server.feed(frame(Opcode::close, "")));
  CHECK_FALSE(server.protocol.pong({}));
}

TEST_CASE("the header of a message fits role, type and size") {
  std::byte header[max_header_bytes];
  Protocol server(Role::server);
  REQUIRE(server.encode_message_header(MessageType::text, 5, header) == 2);
  CHECK(as_text({header, 2}) == "\x81\x05");
  REQUIRE(server.encode_message_header(MessageType::binary, 300, header) == 4);
  CHECK(as_text({header, 4}) == "\x82\x7E\x01\x2C");
  Protocol client(Role::client);
  REQUIRE(client.encode_message_header(MessageType::text, 5, header, test_key) == 6);
  CHECK(as_text({header, 6}) == "\x81\x85\x37\xFA\x21\x3D");
}

TEST_CASE("a message in parts begins, goes on and ends") {
  Protocol protocol(Role::server);
  CHECK(as_text(protocol.begin_message(MessageType::text, 3).value().bytes()) == std::string_view("\x01\x03"));
  CHECK(protocol.in_parts());
  CHECK(protocol.may_send_data());
  CHECK_FALSE(protocol.may_send_message());
  CHECK(as_text(protocol.continue_message(0, false).value().bytes()) == std::string_view("\x00\x00", 2));
  CHECK(as_text(protocol.continue_message(2, true).value().bytes()) == std::string_view("\x80\x02"));
  CHECK_FALSE(protocol.in_parts());
  CHECK(protocol.may_send_message());
}

TEST_CASE("parts out of order are our error, and change nothing") {
  Protocol protocol(Role::server);
  auto header = protocol.continue_message(1, true);
  REQUIRE_FALSE(header);
  CHECK(header.error().code == make_error_code(Errc::invalid_argument));
  REQUIRE(protocol.begin_message(MessageType::binary, 1));
  header = protocol.begin_message(MessageType::binary, 1);
  REQUIRE_FALSE(header);
  CHECK(header.error().code == make_error_code(Errc::invalid_argument));
  CHECK(protocol.continue_message(1, true));
}

TEST_CASE("parts after a Close are our error") {
  Protocol protocol(Role::server);
  REQUIRE(protocol.begin_message(MessageType::binary, 1));
  REQUIRE(protocol.close(CloseCode::normal, ""));
  CHECK(protocol.continue_message(1, true).error().code == make_error_code(Errc::closed));
  CHECK(protocol.begin_message(MessageType::text, 1).error().code == make_error_code(Errc::closed));
}

TEST_CASE("the rest of a large frame is read directly, in bounds of what came") {
  Server server;
  std::string text(300'000, 'x');
  text += "\xE2\x82\xAC";
  const Input bytes = frame(Opcode::text, text);
  CHECK(server.protocol.receive_space(1).empty());
  CHECK_FALSE(server.feed(Input(bytes.begin(), bytes.begin() + 1000)));
  CHECK(server.protocol.receive_space(1 << 20).empty());

  std::size_t at = 1000;
  std::optional<Event> event;
  while (!event) {
    const MutableBytes space = server.protocol.receive_space(1);
    REQUIRE_FALSE(space.empty());
    CHECK(space.size() <= bytes.size() - at);
    // Memory may double, so up to as much again as came, or 64 KiB.
    CHECK(space.size() <= 2 * std::max<std::size_t>(at, 64 << 10));
    // An odd amount, so that the key's turn is never at its start.
    const std::size_t count = std::min<std::size_t>(space.size(), 12'345);
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), count, space.begin());
    server.protocol.commit_received(count);
    at += count;
    event = server.feed({});
  }
  CHECK(at == bytes.size());
  CHECK(event->kind == Kind::message);
  CHECK(event->message().text() == text);
}

TEST_CASE("text read directly that isn't UTF-8 fails before its frame is complete") {
  Server server;
  const Input bytes = frame(Opcode::text, std::string(1000, 'x') + "\xFF" + std::string(1000, 'x'));
  CHECK_FALSE(server.feed(Input(bytes.begin(), bytes.begin() + 500)));
  const MutableBytes space = server.protocol.receive_space(1);
  REQUIRE(space.size() >= 600);
  std::copy_n(bytes.begin() + 500, 600, space.begin());
  server.protocol.commit_received(600);
  CHECK(server.protocol.receive_space(1).empty());
  const auto event = server.feed({});
  REQUIRE(event);
  CHECK(event->code == CloseCode::invalid_payload);
}

TEST_CASE("nothing is read directly that isn't collected") {
  Server server;
  const Input message = frame(Opcode::binary, std::string(1000, 'x'));
  SUBCASE("a message in pieces") {
    server.limits.deliver_fragments = true;
    REQUIRE(server.feed(Input(message.begin(), message.begin() + 500)));
  }
  SUBCASE("a control frame") {
    const Input ping = frame(Opcode::ping, std::string(100, 'x'));
    REQUIRE_FALSE(server.feed(Input(ping.begin(), ping.begin() + 50)));
  }
  SUBCASE("a message after our Close") {
    REQUIRE(server.protocol.close(CloseCode::normal, ""));
    REQUIRE_FALSE(server.feed(Input(message.begin(), message.begin() + 500)));
  }
  SUBCASE("a header") { REQUIRE_FALSE(server.feed(Input(message.begin(), message.begin() + 3))); }
  CHECK(server.protocol.receive_space(1).empty());
}

TEST_CASE("memory grows with what came, not with what was announced") {
  Server server;
  server.limits.max_message_bytes = std::size_t{1} << 40;
  Input header(max_header_bytes);
  header.resize(encode_header({.opcode = Opcode::binary, .masked = true, .payload_bytes = std::uint64_t{1} << 40},
                              header.data()));
  CHECK_FALSE(server.feed(header));
  CHECK(server.protocol.receive_space(1).size() <= 64 << 10);
}

TEST_CASE("the largest message takes no more memory than its size, and no read is larger than a cache") {
  Server server;
  const Input bytes = frame(Opcode::binary, std::string(1 << 20, 'x'));
  const std::byte* first = nullptr;
  for (int i = 0; i < 2; ++i) {
    std::size_t at = 100'000;
    auto event = server.feed(Input(bytes.begin(), bytes.begin() + 100'000));
    while (!event) {
      const MutableBytes space = server.protocol.receive_space(1);
      REQUIRE_FALSE(space.empty());
      CHECK(space.size() <= 256 << 10);
      std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), space.size(), space.begin());
      server.protocol.commit_received(space.size());
      at += space.size();
      event = server.feed({});
    }
    REQUIRE(event->payload.size() == 1 << 20);
    if (i == 0)
      first = event->payload.data();
    else
      CHECK(event->payload.data() == first);  // It was small enough to be kept.
    CHECK_FALSE(server.next());
  }
}

TEST_CASE("a delivered message's memory serves the next one") {
  Server server;
  const Input bytes = frame(Opcode::binary, std::string(10'000, 'x'));
  const std::byte* first = nullptr;
  for (int i = 0; i < 2; ++i) {
    REQUIRE_FALSE(server.feed(Input(bytes.begin(), bytes.begin() + 5'000)));
    const auto event = server.feed(Input(bytes.begin() + 5'000, bytes.end()));
    REQUIRE(event);
    if (i == 0)
      first = event->payload.data();
    else
      CHECK(event->payload.data() == first);
    CHECK_FALSE(server.next());
  }
}

TEST_CASE("a release amid a message loses nothing") {
  Server server;
  REQUIRE_FALSE(server.feed(frame(Opcode::text, "Hel", {.fin = false})));
  server.protocol.release(server.spare);
  const auto event = server.feed(frame(Opcode::continuation, "lo"));
  REQUIRE(event);
  CHECK(event->message().text() == "Hello");
}

TEST_CASE("a moved protocol goes on amid a message") {
  Server server;
  REQUIRE_FALSE(server.feed(frame(Opcode::text, "Hel", {.fin = false})));
  Protocol moved = std::move(server.protocol);
  server.protocol = std::move(moved);
  const auto event = server.feed(frame(Opcode::continuation, "lo"));
  REQUIRE(event);
  CHECK(event->message().text() == "Hello");
}

TEST_CASE("the memory of a message of exactly the limit is kept, in whatever pieces it came") {
  constexpr std::size_t limit = std::size_t{1} << 20;
  const std::string text(limit, 't');
  Input bytes;
  SUBCASE("one frame") { bytes = frame(Opcode::binary, text); }
  SUBCASE("fragments of a size that doubles beyond the limit") {
    constexpr std::size_t piece = 350'000;
    bytes = frame(Opcode::binary, text.substr(0, piece), {.fin = false}) +
            frame(Opcode::continuation, text.substr(0, piece), {.fin = false}) +
            frame(Opcode::continuation, text.substr(2 * piece));
  }
  SUBCASE("many fragments, and an empty one that ends it") {
    for (std::size_t piece = 0; piece < limit; piece += 1024) {
      bytes = std::move(bytes) +
              frame(piece == 0 ? Opcode::binary : Opcode::continuation, text.substr(0, 1024), {.fin = false});
    }
    bytes = std::move(bytes) + frame(Opcode::continuation, "");
  }
  Server server;
  server.limits.max_message_bytes = limit;
  const std::byte* kept = nullptr;
  for (int round = 0; round < 2; ++round) {
    // Pieces as a socket gives them.
    std::size_t received = 0;
    for (std::size_t at = 0; at < bytes.size(); at += 100'000) {
      const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(at);
      const auto event = server.feed(
          Input(from, from + static_cast<std::ptrdiff_t>(std::min<std::size_t>(100'000, bytes.size() - at))));
      if (event) received += event->payload.size();
    }
    CHECK(received == limit);
    CHECK_FALSE(server.next());
    Buffer payload = server.spare.take_payload();
    CHECK(payload.capacity() >= limit);
    if (round == 1) CHECK(payload.data() == kept);
    kept = payload.data();
    server.spare.put_payload(std::move(payload));
  }
}

TEST_CASE("a header or a control frame that is not complete does not hold the memory of the last message") {
  Server server;
  REQUIRE_FALSE(server.feed(frame(Opcode::binary, std::string(100'000, 'x'), {.fin = false})));
  REQUIRE(server.feed(frame(Opcode::continuation, "")));
  REQUIRE_FALSE(server.next());
  Input begun = frame(Opcode::ping, "payload");
  SUBCASE("a header") { begun.resize(1); }
  SUBCASE("a ping") { begun.resize(9); }
  REQUIRE_FALSE(server.feed(std::move(begun)));
  CHECK(server.protocol.pace() != nullptr);
  CHECK(server.spare.take_payload().capacity() >= 100'000);
}

TEST_CASE("what is under way has a pace until it is complete, and payload alone counts") {
  Server server;
  CHECK(server.protocol.pace() == nullptr);
  const Input message = frame(Opcode::binary, "0123456789", {.fin = false});
  REQUIRE_FALSE(server.feed(Input(message.begin(), message.begin() + 1)));
  REQUIRE(server.protocol.pace() != nullptr);
  server.protocol.pace()->begin(1);
  CHECK(server.protocol.received_bytes() == 0);
  REQUIRE_FALSE(server.feed(Input(message.begin() + 1, message.end() - 3)));
  CHECK(server.protocol.received_bytes() == 7);
  REQUIRE_FALSE(server.feed(Input(message.end() - 3, message.end())));
  REQUIRE(server.feed(frame(Opcode::ping, "between")));
  REQUIRE_FALSE(server.next());
  REQUIRE(server.protocol.pace() != nullptr);
  CHECK(server.protocol.pace()->begun());
  CHECK(server.protocol.received_bytes() == 10);
  // Another header in the same input begins anew.
  Input last = frame(Opcode::continuation, "x") + frame(Opcode::text, "next");
  last.pop_back();
  REQUIRE(server.feed(std::move(last)));
  REQUIRE_FALSE(server.next());
  REQUIRE(server.protocol.pace() != nullptr);
  CHECK_FALSE(server.protocol.pace()->begun());
  CHECK(server.protocol.received_bytes() == 3);
  REQUIRE(server.feed(Input(1, std::byte{'t'} ^ std::byte{0x3d})));
  REQUIRE_FALSE(server.next());
  CHECK(server.protocol.pace() == nullptr);
}
