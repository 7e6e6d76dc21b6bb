#include <doctest/doctest.h>
#include <support/json_text.h>
#include <support/zlib_peer.h>
#include <tidewire/websocket/protocol.h>
#include <string>
#include <vector>

using namespace tidewire;
using namespace tidewire::websocket;
using namespace tidewire::testing;
using support::json_text;

namespace {

using Kind = Event::Kind;

constexpr std::uint32_t test_key = 0x3d21fa37;
constexpr DeflateAgreement with_takeover = {.own_takeover = true, .peer_takeover = true};

struct FrameOptions {
  bool fin = true;
  bool compressed = true;
};

// A frame of a client's.
std::string frame(Opcode opcode, std::string_view payload, FrameOptions options = {}) {
  std::string bytes(max_header_bytes + payload.size(), '\0');
  auto* const to = reinterpret_cast<std::byte*>(bytes.data());
  const std::size_t header_bytes =
      encode_header({.opcode = opcode,
                     .fin = options.fin,
                     .rsv1 = options.compressed && opcode != Opcode::continuation && !is_control(opcode),
                     .masked = true,
                     .masking_key = test_key,
                     .payload_bytes = payload.size()},
                    to);
  copy_masked(to + header_bytes, as_bytes(payload), test_key);
  bytes.resize(header_bytes + payload.size());
  return bytes;
}

// A server's end with permessage-deflate, and what its owner keeps.
class Server {
 public:
  explicit Server(SpareAssembly& spare, const DeflateAgreement& agreed = {}) : spare_(spare) {
    protocol.use_deflate(agreed);
    if (!agreed.peer_takeover) return;
    window_.emplace(spare.engines(), DeflateSettings{.takeover = true, .window_bits = agreed.peer_window_bits});
  }

  std::optional<Event> feed(std::string_view bytes) {
    input_.assign(as_bytes(bytes).begin(), as_bytes(bytes).end());
    rest = input_;
    return next();
  }
  std::optional<Event> next() { return protocol.next(rest, limits, spare_, window_ ? &*window_ : nullptr); }
  // The text of the message that this is, and nothing else.
  std::string message(std::string_view bytes) {
    const auto event = feed(bytes);
    REQUIRE(event);
    REQUIRE(event->kind == Kind::message);
    std::string text(event->message().text());
    REQUIRE_FALSE(next());
    return text;
  }

  Protocol protocol{Role::server};
  Limits limits;
  MutableBytes rest;

 private:
  SpareAssembly& spare_;
  std::optional<Inflater> window_;
  std::vector<std::byte> input_;
};

// Runs a test with each back end of this build.
template <class Test>
void with_each_backend(Test test) {
  for (const DeflateBackend backend : deflate_backends()) {
    INFO(std::string(deflate_backend_name(backend)));
    SpareAssembly spare(std::size_t{1} << 20, backend);
    test(spare);
  }
}

}  // namespace

TEST_CASE("a protocol keeps what was agreed, and compresses nothing unless something was") {
  CHECK_FALSE(Protocol(Role::server).deflates());
  for (const bool own : {false, true}) {
    for (const bool peer : {false, true}) {
      for (int bits = 8; bits <= 15; ++bits) {
        const DeflateAgreement agreed = {.own_takeover = own,
                                         .peer_takeover = peer,
                                         .own_window_bits = static_cast<std::uint8_t>(bits < 9 ? 15 : bits),
                                         .peer_window_bits = static_cast<std::uint8_t>(23 - bits)};
        Protocol protocol(Role::client);
        protocol.use_deflate(agreed);
        CHECK(protocol.deflates());
        CHECK(protocol.deflate() == agreed);
        const Protocol moved = std::move(protocol);
        CHECK(moved.deflate() == agreed);
      }
    }
  }
}

TEST_CASE("what is sent compressed has RSV1 on its first frame, and there alone") {
  Protocol protocol(Role::server);
  protocol.use_deflate({});
  std::byte header[max_header_bytes];
  REQUIRE(protocol.encode_message_header(MessageType::text, 5, header, 0, true) == 2);
  CHECK(as_text({header, 2}) == "\xC1\x05");
  REQUIRE(protocol.encode_message_header(MessageType::binary, 5, header, 0, false) == 2);
  CHECK(as_text({header, 2}) == "\x82\x05");
  CHECK(as_text(protocol.begin_message(MessageType::text, 3, 0, true).value().bytes()) == "\x41\x03");
  CHECK(as_text(protocol.continue_message(2, false).value().bytes()) == std::string_view("\x00\x02", 2));
  CHECK(as_text(protocol.ping({}).value().bytes()) == std::string_view("\x89\x00", 2));
  CHECK(as_text(protocol.continue_message(2, true).value().bytes()) == "\x80\x02");
  CHECK(as_text(protocol.begin_message(MessageType::binary, 3).value().bytes()) == "\x02\x03");
}

TEST_CASE("messages of every size that zlib compresses come out whole, however they come") {
  with_each_backend([](SpareAssembly& spare) {
    for (const std::size_t size : {1U, 100U, 4095U, 4096U, 4097U, 65'536U, 300'000U}) {
      CAPTURE(size);
      const std::string text = json_text(size);
      const std::string bytes = frame(Opcode::text, deflated(text));
      for (const std::size_t piece : {std::size_t{97}, std::size_t{5000}, bytes.size()}) {
        Server server(spare);
        std::string got;
        for (std::size_t at = 0; at < bytes.size(); at += piece) {
          for (auto event = server.feed(bytes.substr(at, piece)); event; event = server.next()) {
            REQUIRE(event->kind == Kind::message);
            got += event->message().text();
          }
        }
        CHECK(got == text);
      }
    }
  });
}

TEST_CASE("with takeover, any window's references are found") {
  with_each_backend([](SpareAssembly& spare) {
    for (int bits = 9; bits <= 15; ++bits) {
      CAPTURE(bits);
      Server server(spare, {.peer_takeover = true, .peer_window_bits = static_cast<std::uint8_t>(bits)});
      ZlibDeflater peer(bits);
      for (unsigned round = 0; round < 20; ++round) {
        const std::string text = json_text((std::size_t{1} << bits) / 3 + round, round % 3);
        REQUIRE(server.message(frame(Opcode::text, peer(text))) == text);
      }
    }
  });
}

TEST_CASE("pieces are delivered as they arrive, each inflated and checked, and none large") {
  with_each_backend([](SpareAssembly& spare) {
    Server server(spare);
    server.limits.deliver_fragments = true;
    ZlibDeflater peer;
    const std::string first = json_text(50'000), second = json_text(20'000, 1);
    std::string got;
    std::size_t pieces = 0;
    for (auto event = server.feed(frame(Opcode::text, peer(first, false), {.fin = false})); event;
         event = server.next()) {
      REQUIRE(event->kind == Kind::fragment);
      CHECK(event->first == (pieces == 0));
      CHECK_FALSE(event->last);
      CHECK_FALSE(event->payload.empty());
      CHECK(event->payload.size() <= 64 << 10);
      got += event->fragment().text();
      ++pieces;
    }
    // All that the peer had flushed has been delivered, before the message ended.
    CHECK(got == first);
    bool last = false;
    for (auto event = server.feed(frame(Opcode::continuation, peer(second))); event; event = server.next()) {
      REQUIRE(event->kind == Kind::fragment);
      CHECK_FALSE(last);
      last = event->last;
      got += event->fragment().text();
    }
    CHECK(last);
    CHECK(got == first + second);
  });
}

TEST_CASE("the pieces of a bomb are never more than the limit together") {
  with_each_backend([](SpareAssembly& spare) {
    for (const std::size_t limit : {1U, 100U, 4096U, 10'000U, 100'000U}) {
      CAPTURE(limit);
      Server server(spare);
      server.limits = {.max_message_bytes = limit, .deliver_fragments = true};
      const std::string zeros = deflated(std::string(1'000'000, '\0'));
      std::size_t got = 0;
      auto event = server.feed(frame(Opcode::binary, zeros));
      for (; event && event->kind == Kind::fragment; event = server.next()) got += event->payload.size();
      CHECK(got <= limit);
      REQUIRE(event);
      CHECK(event->kind == Kind::refusal);
      CHECK(event->code == CloseCode::message_too_big);
      CHECK(event->cause == Cause::too_large);
      CHECK_FALSE(server.next());
    }
  });
}

TEST_CASE("after our Close between two pieces the rest is dropped, and the peer's Close is found behind it") {
  with_each_backend([](SpareAssembly& spare) {
    for (const DeflateAgreement& agreed : {DeflateAgreement{}, with_takeover}) {
      Server server(spare, agreed);
      server.limits.deliver_fragments = true;
      const std::string bytes = frame(Opcode::binary, deflated(json_text(50'000)), {.fin = false}) +
                                frame(Opcode::ping, "p") + frame(Opcode::continuation, "not looked at") +
                                frame(Opcode::text, "nor this") + frame(Opcode::close, "");
      REQUIRE(server.feed(bytes)->kind == Kind::fragment);
      REQUIRE(server.next()->kind == Kind::fragment);
      REQUIRE(server.protocol.close(CloseCode::normal, ""));
      auto event = server.next();
      REQUIRE(event);
      CHECK(event->kind == Kind::ping);
      event = server.next();
      REQUIRE(event);
      CHECK(event->kind == Kind::close);
      CHECK_FALSE(server.next());
      CHECK(server.rest.empty());
    }
  });
}

TEST_CASE("after our Close within a compressed frame its rest is dropped as it comes") {
  with_each_backend([](SpareAssembly& spare) {
    Server server(spare);
    const std::string bytes = frame(Opcode::binary, deflated(json_text(5000)));
    REQUIRE_FALSE(server.feed(bytes.substr(0, 500)));
    REQUIRE(server.protocol.close(CloseCode::normal, ""));
    REQUIRE_FALSE(server.feed(bytes.substr(500)));
    const auto event = server.feed(frame(Opcode::close, ""));
    REQUIRE(event);
    CHECK(event->kind == Kind::close);
  });
}

TEST_CASE("what is compressed is never read directly into the message") {
  SpareAssembly spare;
  Server server(spare);
  const std::string bytes = frame(Opcode::binary, deflated(json_text(500'000)));
  REQUIRE(bytes.size() > 10'000);
  REQUIRE_FALSE(server.feed(bytes.substr(0, 1000)));
  CHECK(server.protocol.receive_space(1).empty());
}

TEST_CASE("connections of one loop that are amid compressed messages don't disturb each other") {
  with_each_backend([](SpareAssembly& spare) {
    for (const DeflateAgreement& agreed : {DeflateAgreement{}, with_takeover}) {
      const std::string one = json_text(3000, 1), two = json_text(3000, 2);
      const std::string first = frame(Opcode::text, deflated(one)), second = frame(Opcode::text, deflated(two));
      Server left(spare, agreed), right(spare, agreed);
      REQUIRE_FALSE(left.feed(first.substr(0, 300)));
      REQUIRE_FALSE(right.feed(second.substr(0, 200)));
      REQUIRE_FALSE(left.feed(first.substr(300, 50)));
      CHECK(right.message(second.substr(200)) == two);
      CHECK(left.message(first.substr(350)) == one);
      CHECK(right.message(first) == one);
    }
  });
}

TEST_CASE("what one connection's peer did wrong is forgotten before the next message") {
  with_each_backend([](SpareAssembly& spare) {
    const std::string text = json_text(5000);
    const std::string good = frame(Opcode::text, deflated(text));
    const std::string wrong[] = {
        frame(Opcode::text, "\x06"),                                   // No DEFLATE.
        frame(Opcode::text, deflated("half \xC3")),                    // No UTF-8.
        frame(Opcode::text, deflated(text).substr(0, 500)),            // Not whole.
        frame(Opcode::binary, deflated(std::string(2'000'000, 'x'))),  // Too much.
        frame(Opcode::text, deflated(text).substr(0, 500), {.fin = false}) + "\xC0\x80",
    };
    for (const std::string& bytes : wrong) {
      Server bad(spare);
      const auto event = bad.feed(bytes);
      REQUIRE(event);
      CHECK(event->kind == (event->code == CloseCode::message_too_big ? Kind::refusal : Kind::violation));
      CHECK_FALSE(bad.next());
      CHECK(Server(spare).message(good) == text);
    }
  });
}

TEST_CASE("a connection that ends amid a compressed message leaves no trace of it") {
  with_each_backend([](SpareAssembly& spare) {
    const std::string text = json_text(5000);
    const std::string good = frame(Opcode::text, deflated(text));
    for (const DeflateAgreement& agreed : {DeflateAgreement{}, with_takeover}) {
      {
        Server gone(spare, agreed);
        REQUIRE_FALSE(gone.feed(good.substr(0, 700)));
      }
      CHECK(Server(spare, agreed).message(good) == text);
    }
  });
}

TEST_CASE("a protocol that is moved or releases its memory amid a compressed message goes on") {
  with_each_backend([](SpareAssembly& spare) {
    const std::string text = json_text(5000);
    const std::string bytes = frame(Opcode::text, deflated(text));
    Server server(spare);
    REQUIRE_FALSE(server.feed(bytes.substr(0, 700)));
    Protocol moved = std::move(server.protocol);
    server.protocol = std::move(moved);
    server.protocol.release(spare);
    CHECK(server.message(bytes.substr(700)) == text);
  });
}

TEST_CASE("the memory of a compressed message serves the next one") {
  with_each_backend([](SpareAssembly& spare) {
    Server server(spare);
    const std::string bytes = frame(Opcode::text, deflated(json_text(10'000)));
    const std::byte* first = nullptr;
    for (int count = 0; count < 3; ++count) {
      const auto event = server.feed(bytes);
      REQUIRE(event);
      if (first == nullptr) first = event->payload.data();
      CHECK(event->payload.data() == first);
      CHECK_FALSE(server.next());
    }
  });
}

TEST_CASE("what a client compresses and masks, a server reads, and the other way round") {
  with_each_backend([](SpareAssembly& spare) {
    Protocol client(Role::client);
    client.use_deflate(with_takeover);
    Server server(spare, with_takeover);
    Deflater deflater(spare.engines(), {.takeover = true});
    for (unsigned round = 0; round < 5; ++round) {
      const std::string text = json_text(2000, round % 2);
      Buffer payload;
      REQUIRE(deflater.compress(as_bytes(text), true, payload));
      std::string bytes(max_header_bytes, '\0');
      bytes.resize(client.encode_message_header(MessageType::text, payload.size(),
                                                reinterpret_cast<std::byte*>(bytes.data()), test_key, true));
      std::string masked_payload(payload.size(), '\0');
      copy_masked(reinterpret_cast<std::byte*>(masked_payload.data()), payload.view(), test_key);
      CHECK(server.message(bytes + masked_payload) == text);
    }
  });
}

TEST_CASE("the memory of a message that inflates to exactly the limit is kept for the next one") {
  with_each_backend([](SpareAssembly& spare) {
    Server server(spare);
    server.limits.max_message_bytes = std::size_t{1} << 20;
    for (const std::size_t size : {server.limits.max_message_bytes, server.limits.max_message_bytes - 500}) {
      const std::string text(size, 'a');
      CHECK(server.message(frame(Opcode::binary, deflated(text))).size() == size);
      Buffer kept = spare.take_payload();
      CHECK(kept.capacity() >= size);
      const std::byte* const address = kept.data();
      spare.put_payload(std::move(kept));
      CHECK(server.message(frame(Opcode::binary, deflated(text))).size() == size);
      kept = spare.take_payload();
      CHECK(kept.data() == address);
    }
  });
}

TEST_CASE("a message that inflates beyond the limit leaves its memory for the next one, too") {
  with_each_backend([](SpareAssembly& spare) {
    Server server(spare);
    server.limits.max_message_bytes = std::size_t{1} << 20;
    const std::string text(server.limits.max_message_bytes + 1, 'a');
    const auto refused = server.feed(frame(Opcode::binary, deflated(text)));
    REQUIRE(refused);
    CHECK(refused->kind == Kind::refusal);
    CHECK_FALSE(server.next());
    CHECK(spare.take_payload().capacity() >= server.limits.max_message_bytes);
  });
}
