#include <doctest/doctest.h>
#include <support/consumers.h>
#include <support/openssl_peer.h>
#include <support/run.h>
#include <support/streams.h>
#include <tidewire/core/log_limit.h>
#include <tidewire/tls/context_state.h>
#include <tidewire/tls/stream.h>
#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

// What TLS adds to a stream. That it keeps what every stream promises is in transport/stream_test.cc.

using namespace tidewire;
using namespace tidewire::testing;
using namespace std::chrono_literals;
using transport::MemoryStreamOptions;
using transport::StreamPtr;

namespace {

/// A loop that notes what it logs.
struct Logged {
  Logged() {
    loop.set_log_sink([this](LogLevel, std::string_view line) { log.emplace_back(line); });
  }
  [[nodiscard]] bool says(std::string_view text) const {
    return std::any_of(log.begin(), log.end(), [&](const std::string& line) { return line.find(text) != line.npos; });
  }

  Loop loop;
  std::vector<std::string> log;
};

/// A client and a server with TLS between them, from before the handshake.
struct Pair : Logged {
  explicit Pair(const MemoryStreamOptions& wire = {}, const char* host = "localhost",
                const tls::ConnectOptions& options = {}) {
    auto [one, other] = transport::memory_pair(loop, wire);
    client.emplace(tls::connect(client_context(), std::move(one), host, 443, options).value());
    server.emplace(tls::accept(server_context(), std::move(other)));
  }
  const tls::Stream& client_tls() const { return *tls::as_encrypted(*client->stream); }
  const tls::Stream& server_tls() const { return *tls::as_encrypted(*server->stream); }
  void shake_hands() {
    run_until(loop, [&] { return client_tls().established() && server_tls().established(); });
    settle(loop);
  }

  std::optional<Recorder> client, server;
};

/// A server with TLS whose other end is in the clear: for what no client of ours would send, and to see what is sent.
struct Bare : Logged {
  explicit Bare(const tls::AcceptOptions& options = {}) {
    auto [one, other] = transport::memory_pair(loop);
    wire.emplace(std::move(one));
    server.emplace(tls::accept(server_context(), std::move(other), options));
    server->failed = [this] { server->stream->close(); };
  }
  std::optional<Recorder> wire, server;
};

/// Passes what two ends say to each other on, and keeps it.
struct Tapped : Logged {
  Tapped() {
    auto [one, tap_one] = transport::memory_pair(loop);
    auto [tap_other, other] = transport::memory_pair(loop);
    near_tap.emplace(std::move(tap_one));
    far_tap.emplace(std::move(tap_other));
    near_tap->data = [this](std::string_view bytes) {
      from_client += bytes;
      far_tap->stream->write(as_bytes(bytes));
    };
    far_tap->data = [this](std::string_view bytes) {
      from_server += bytes;
      near_tap->stream->write(as_bytes(bytes));
    };
    near_tap->end = [this] { far_tap->stream->end(); };
    far_tap->end = [this] { near_tap->stream->end(); };
    client.emplace(tls::connect(client_context(), std::move(one), "localhost", 443).value());
    server.emplace(tls::accept(server_context(), std::move(other)));
    run_until(loop, [&] { return tls::as_encrypted(*server->stream)->established(); });
    settle(loop);
    from_client.clear();
    from_server.clear();
  }

  /// The records of what was said: the sizes of their contents.
  static std::vector<std::size_t> records(std::string_view bytes) {
    std::vector<std::size_t> sizes;
    while (bytes.size() >= 5) {
      const std::size_t size = static_cast<unsigned char>(bytes[3]) * 256U + static_cast<unsigned char>(bytes[4]);
      CHECK(static_cast<unsigned char>(bytes[0]) == 23);
      sizes.push_back(size);
      bytes.remove_prefix(std::min(bytes.size(), 5 + size));
    }
    CHECK(bytes.empty());
    return sizes;
  }

  std::string from_client, from_server;
  std::optional<Recorder> near_tap, far_tap, client, server;
};

// TLS 1.3 adds a byte of type and a tag of 16 to each record.
constexpr std::size_t overhead = 17;
constexpr std::size_t whole_record = 16 * 1024 + overhead;

}  // namespace

TEST_CASE("a handshake settles version, cipher, name and protocol") {
  Pair pair;
  CHECK_FALSE(pair.client_tls().established());
  CHECK(pair.client_tls().cipher().empty());
  CHECK(pair.server_tls().application_protocol().empty());
  pair.shake_hands();
  for (const tls::Stream* const end : {&pair.client_tls(), &pair.server_tls()}) {
    CHECK(end->version() == tls::Version::tls_1_3);
    CHECK(end->cipher() == "TLS_AES_128_GCM_SHA256");
    CHECK(end->server_name() == "localhost");
    CHECK(end->application_protocol() == "http/1.1");
    CHECK_FALSE(end->resumed());
  }
  const auto certificate = pair.client_tls().peer_certificate();
  REQUIRE(certificate);
  CHECK(certificate->common_name == "localhost");
  CHECK_FALSE(pair.server_tls().peer_certificate());
}

TEST_CASE("a handshake passes through a wire that takes one byte at a time") {
  Pair pair({.capacity_bytes = 1, .chunk_bytes = 1});
  pair.client->write("question");
  pair.server->data = [&](std::string_view) {
    if (pair.server->received == "question") pair.server->write("answer");
  };
  run_until(pair.loop, [&] { return pair.client->received == "answer"; });
}

TEST_CASE("what is written before the handshake waits for it, and the end behind it") {
  Pair pair;
  pair.client->write("early ");
  pair.client->stream->write(SharedBytes::copy_of(as_bytes("and ")));
  const auto room = pair.client->stream->reserve(6);
  std::memcpy(room.data(), "early ", 6);
  pair.client->stream->commit(6);
  pair.client->stream->write_last(as_bytes("too"));
  CHECK(pair.client->stream->queued_bytes() == 19);
  pair.client->stream->end();
  pair.client->write("too late");
  run_until(pair.loop, [&] { return pair.server->ends == 1; });
  CHECK(pair.server->received == "early and early too");
  CHECK(pair.client->stream->queued_bytes() == 0);
  CHECK(pair.client->writables > 0);
}

TEST_CASE("a server may speak first") {
  Pair pair;
  pair.server->write("welcome");
  run_until(pair.loop, [&] { return pair.client->received == "welcome"; });
}

TEST_CASE("a close_notify is the end of the peer's output, and ours may go on") {
  Pair pair;
  pair.client->write("question");
  pair.client->stream->end();
  run_until(pair.loop, [&] { return pair.server->ends == 1; });
  pair.server->write("answer");
  pair.server->stream->end();
  run_until(pair.loop, [&] { return pair.client->ends == 1; });
  CHECK(pair.client->received == "answer");
  CHECK(pair.client->failures.empty());
  CHECK(pair.server->failures.empty());
}

TEST_CASE("a stream that ends without a close_notify was cut off") {
  Pair pair;
  pair.shake_hands();
  pair.client->write("some of it");
  run_until(pair.loop, [&] { return pair.server->received == "some of it"; });
  pair.client->stream->close();
  run_until(pair.loop, [&] { return !pair.server->failures.empty(); });
  CHECK(pair.server->failures[0].code == Errc::truncated);
  CHECK(pair.server->ends == 0);
}

TEST_CASE("a handshake that stops halfway ends at its deadline") {
  SUBCASE("a client that says nothing") {
    Bare bare({.handshake_timeout = 100ms});
    run_until(bare.loop, [&] { return bare.server->closes == 1; });
    CHECK(bare.server->failures.at(0).code == Errc::timeout);
    CHECK(bare.says("TLS handshake with"));
    CHECK(bare.wire->ends == 1);
  }
  SUBCASE("a server that says nothing") {
    Logged logged;
    auto [one, other] = transport::memory_pair(logged.loop);
    Recorder wire(std::move(other));
    Recorder client(
        tls::connect(client_context(), std::move(one), "localhost", 443, {.handshake_timeout = 100ms}).value());
    run_until(logged.loop, [&] { return !client.failures.empty(); });
    CHECK(client.failures[0].code == Errc::timeout);
    CHECK(wire.received.starts_with("\x16"));
  }
}

TEST_CASE("the deadline is the handshake's alone") {
  Pair pair({}, "localhost", {.handshake_timeout = 100ms});
  pair.shake_hands();
  bool later = false;
  const Timer timer = Timer::after(pair.loop, 300ms, [&] { later = true; });
  run_until(pair.loop, [&] { return later; });
  CHECK(pair.client->failures.empty());
}

TEST_CASE("a client that speaks plain text is told so in plain text") {
  Bare bare({.answer_to_plain_text = "HTTP/1.1 400 Bad Request\r\n\r\n"});
  bare.wire->write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  run_until(bare.loop, [&] { return bare.wire->ends == 1 && bare.server->closes == 1; });
  CHECK(bare.wire->received == "HTTP/1.1 400 Bad Request\r\n\r\n");
  CHECK(bare.server->failures.size() == 1);
  CHECK(bare.server->received.empty());
  CHECK(bare.says("plain text"));
}

TEST_CASE("without an answer to plain text the connection ends without one") {
  Bare bare;
  bare.wire->write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  run_until(bare.loop, [&] { return bare.server->closes == 1; });
  CHECK(bare.wire->received.empty());
}

TEST_CASE("what is no TLS ends with an alert, an error and a line in the log") {
  std::string garbage = pattern(16 * 1024);
  garbage[0] = '\x16';
  const std::string cases[] = {
      garbage,
      std::string("\x80\x2e\x01\x00\x02", 5) + std::string(43, 'x'),     // A hello of SSL 2.
      std::string("\x16\x03\x01\xff\xff", 5) + std::string(65535, 'x'),  // A record larger than they may be.
      std::string("\x17\x03\x03\x00\x05hello", 10),                      // Data before the handshake.
      std::string("\x15\x03\x01\x00\x02\x02\x28", 7),                    // An alert.
      std::string(7, '\0'),
  };
  for (const std::string& bytes : cases) {
    Bare bare;
    bare.wire->write(bytes);
    run_until(bare.loop, [&] { return bare.server->closes == 1; });
    REQUIRE(bare.server->failures.size() == 1);
    CHECK(bare.server->failures[0].code == Errc::protocol_error);
    CHECK_FALSE(bare.server->failures[0].detail.empty());
    CHECK(bare.says("TLS handshake with"));
    CHECK(bare.server->received.empty());
  }
}

TEST_CASE("a client that ends in the middle of the handshake was cut off") {
  Bare bare;
  bare.wire->write(std::string_view("\x16\x03\x01\x02\x00\x01", 6));
  bare.wire->stream->end();
  run_until(bare.loop, [&] { return bare.server->closes == 1; });
  CHECK(bare.server->failures.at(0).code == Errc::truncated);
}

TEST_CASE("a reset at every step of a handshake is one failure at each end that had not ended") {
  for (std::size_t step = 0; step < 2500; step += step < 300 ? 7 : 61) {
    CAPTURE(step);
    Logged logged;
    auto [one, other] = transport::memory_pair(logged.loop, {.chunk_bytes = 50, .reset_after_bytes = step});
    Recorder client(tls::connect(client_context(), std::move(one), "localhost", 443).value());
    Recorder server(tls::accept(server_context(), std::move(other)));
    client.write(pattern(3000));
    run_until(logged.loop, [&] { return !client.failures.empty() && !server.failures.empty(); });
    CHECK(client.failures.size() == 1);
    CHECK(server.failures.size() == 1);
    client.stream->close();
    server.stream->close();
    run_until(logged.loop, [&] { return client.closes == 1 && server.closes == 1; });
  }
}

TEST_CASE("a stream is closed and released at every step of its handshake") {
  for (int turns = 0; turns < 12; ++turns) {
    for (const bool close_first : {false, true}) {
      CAPTURE(turns);
      Pair pair;
      pair.client->write("something");
      settle(pair.loop, turns);
      if (close_first) pair.server->stream->close();
      pair.server->stream.reset();
      run_until(pair.loop, [&] { return !pair.client->failures.empty() || pair.client->ends == 1; });
    }
  }
}

TEST_CASE("a certificate for another name is not trusted, and the server hears so") {
  Pair pair({}, "elsewhere.example");
  pair.client->write("secret");
  run_until(pair.loop, [&] { return !pair.client->failures.empty(); });
  CHECK(pair.client->failures[0].code == Errc::untrusted);
  CHECK(pair.client->failures[0].detail.find("hostname mismatch") != std::string::npos);
  pair.client->stream->close();
  run_until(pair.loop, [&] { return !pair.server->failures.empty(); });
  CHECK(pair.server->received.empty());
}

TEST_CASE("what is written in one callback leaves in one record") {
  Tapped tapped;
  tapped.server->data = [&](std::string_view) {
    for (int count = 0; count < 10; ++count) tapped.server->write("0123456789");
  };
  tapped.client->write("go");
  run_until(tapped.loop, [&] { return tapped.client->received.size() == 100; });
  CHECK(Tapped::records(tapped.from_server) == std::vector<std::size_t>{100 + overhead});
  CHECK(Tapped::records(tapped.from_client) == std::vector<std::size_t>{2 + overhead});
}

TEST_CASE("what is written outside of callbacks leaves together at the end of the turn") {
  Tapped tapped;
  for (int count = 0; count < 10; ++count) tapped.server->write("0123456789");
  run_until(tapped.loop, [&] { return tapped.client->received.size() == 100; });
  CHECK(Tapped::records(tapped.from_server) == std::vector<std::size_t>{100 + overhead});
}

TEST_CASE("large output leaves in full records, and what is odd shares one with its head") {
  Tapped tapped;
  const std::string body = pattern(3 * 16 * 1024 + 100);
  tapped.server->data = [&](std::string_view) { tapped.server->stream->write(as_bytes("head"), as_bytes(body)); };
  tapped.client->write("go");
  run_until(tapped.loop, [&] { return tapped.client->received.size() == 4 + body.size(); });
  CHECK(tapped.client->received == "head" + body);
  CHECK(Tapped::records(tapped.from_server) ==
        std::vector<std::size_t>{104 + overhead, whole_record, whole_record, whole_record});
}

TEST_CASE("data, close_notify and FIN leave together") {
  Tapped tapped;
  tapped.server->data = [&](std::string_view) {
    tapped.server->write("goodbye");
    tapped.server->stream->close_when_sent();
  };
  tapped.client->write("go");
  run_until(tapped.loop, [&] { return tapped.client->ends == 1; });
  CHECK(tapped.client->received == "goodbye");
  // An alert is two bytes.
  CHECK(Tapped::records(tapped.from_server) == std::vector<std::size_t>{7 + overhead, 2 + overhead});
}

TEST_CASE("a record that was changed on its way ends the connection, with an alert") {
  for (const bool from_client : {false, true}) {
    Tapped tapped;
    Recorder& tap = from_client ? *tapped.near_tap : *tapped.far_tap;
    Recorder& onward = from_client ? *tapped.far_tap : *tapped.near_tap;
    tap.data = [&](std::string_view bytes) {
      std::string changed(bytes);
      changed.back() = static_cast<char>(changed.back() ^ 1);
      onward.write(changed);
    };
    Recorder& receiver = from_client ? *tapped.server : *tapped.client;
    (from_client ? *tapped.client : *tapped.server).write("important");
    receiver.failed = [&] { receiver.stream->close(); };
    run_until(tapped.loop, [&] { return receiver.closes == 1; });
    CHECK(receiver.received.empty());
    CHECK(receiver.failures.at(0).code == Errc::protocol_error);
    settle(tapped.loop);
    CHECK(Tapped::records(from_client ? tapped.from_server : tapped.from_client) ==
          std::vector<std::size_t>{2 + overhead});
  }
}

namespace {

/// A server of ours, and OpenSSL alone for its client, after the handshake.
struct Asked : ServedToOpenssl {
  Asked() {
    auto [near, far] = transport::memory_pair(loop);
    connect(server_context(), std::move(far), std::move(near), TLS1_3_VERSION, nullptr);
    shake_hands();
  }
  void renew(int times) {
    for (int i = 0; i < times; ++i) client->renew_keys();
    settle(loop);
  }
};

}  // namespace

TEST_CASE("a peer may have keys renewed 32 times without data in between, and not once more") {
  Asked asked;
  asked.renew(32);
  // Data resets the count, in either direction.
  asked.client->write("data");
  asked.renew(32);
  CHECK(asked.server->received == "data");
  asked.say("answer");
  asked.renew(32);
  CHECK(asked.server->failures.empty());
  CHECK(asked.client->error == SSL_ERROR_WANT_READ);
  asked.renew(1);
  run_until(asked.loop, [&] { return asked.server->closes == 1; });
  CHECK(asked.server->failures.at(0).code == Errc::protocol_error);
  CHECK(asked.log.find("records without application data over and over") != std::string::npos);
  settle(asked.loop);
  // By an alert that is fatal.
  CHECK(asked.client->error == SSL_ERROR_SSL);
}

TEST_CASE("each record without data counts, one by one as they come as well") {
  Asked asked;
  for (int i = 0; i < 32; ++i) asked.renew(1);
  CHECK(asked.server->failures.empty());
  asked.renew(1);
  CHECK(asked.server->failures.size() == 1);
}

TEST_CASE("requests to renegotiate are refused, and too many of them end the connection") {
  Logged logged;
  auto [near, far] = transport::memory_pair(logged.loop);
  Recorder client(tls::connect(client_context(), std::move(near), "localhost", 443).value());
  client.failed = [&] { client.stream->close(); };
  tls::SslPtr ssl = server_context().state().new_server_connection().value();
  REQUIRE(SSL_set_max_proto_version(ssl.get(), TLS1_2_VERSION) == 1);
  SSL_clear_options(ssl.get(), SSL_OP_NO_RENEGOTIATION);
  OpensslPeer server(std::move(far), std::move(ssl));
  run_until(logged.loop, [&] { return server.established() && tls::as_encrypted(*client.stream)->established(); });
  settle(logged.loop);
  server.wire.stream->pause();
  for (int i = 0; i < 32; ++i) server.ask_to_renegotiate();
  settle(logged.loop);
  CHECK(client.failures.empty());
  server.ask_to_renegotiate();
  run_until(logged.loop, [&] { return client.failures.size() == 1; });
  CHECK(logged.says("records without application data over and over"));
}

TEST_CASE("while a peer does not read the answers that it asks of TLS, nothing is read from it") {
  Asked asked;
  asked.client->wire.stream->pause();
  const std::string large = pattern(1 << 20);
  asked.server->write(large);
  settle(asked.loop);
  const std::size_t queued = asked.server->stream->queued_bytes();
  constexpr std::size_t rounds = 3000;
  for (std::size_t round = 0; round < rounds; ++round) {
    asked.client->renew_keys();
    asked.client->write("x");
  }
  settle(asked.loop);
  CHECK(asked.server->stream->queued_bytes() < queued + 2 * 16 * 1024);
  CHECK(asked.server->received.size() < rounds);
  asked.client->wire.stream->resume();
  run_until(asked.loop, [&] { return asked.server->received.size() == rounds; });
  settle(asked.loop);
  CHECK(asked.client->received == large);
  CHECK(asked.server->failures.empty());
}

TEST_CASE("failed handshakes write a line each, until there are too many of them") {
  Logged logged;
  for (int i = 0; i < 30; ++i) {
    auto [near, far] = transport::memory_pair(logged.loop);
    Recorder wire(std::move(near));
    Recorder server(tls::accept(server_context(), std::move(far)));
    server.failed = [&] { server.stream->close(); };
    wire.write("nonsense");
    run_until(logged.loop, [&] { return server.closes == 1; });
  }
  CHECK(logged.log.size() == LogLimit::lines_per_window);
}

TEST_CASE("what comes behind a close_notify is not looked at") {
  Tapped tapped;
  tapped.client->stream->end();
  run_until(tapped.loop, [&] { return tapped.server->ends == 1; });
  tapped.far_tap->write(pattern(1000));
  settle(tapped.loop);
  CHECK(tapped.server->failures.empty());
  CHECK(tapped.server->received.empty());
}

TEST_CASE("TLS runs over TLS") {
  Logged logged;
  auto [one, other] = encrypted(transport::memory_pair(logged.loop));
  auto [near, far] = encrypted({std::move(one), std::move(other)});
  Recorder client(std::move(near));
  Echo server(std::move(far));
  const std::string text = pattern(300'000);
  client.write(text);
  run_until(logged.loop, [&] { return client.received.size() == text.size(); });
  CHECK(client.received == text);
}

TEST_CASE("a host that is neither a name nor an address is an error, before anything is said") {
  Loop loop;
  auto [one, other] = transport::memory_pair(loop);
  const auto failed = tls::connect(client_context(), std::move(one), "no host", 443);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == Errc::invalid_argument);
}

TEST_CASE("a plain stream is not taken for an encrypted one") {
  Loop loop;
  auto [one, other] = transport::memory_pair(loop);
  CHECK(tls::as_encrypted(*one) == nullptr);
}
