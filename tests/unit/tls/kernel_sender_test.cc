#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <support/kernel_stream.h>
#include <support/openssl_peer.h>
#include <support/run.h>
#include <support/streams.h>
#include <tidewire/tls/kernel_sender.h>
#include <climits>
#include <optional>
#include <string>
#include <vector>

// By a kernel of the tests' own. With Linux's the same is tried in tests/kernel, and what every stream promises in
// transport/stream_test.cc.

using namespace tidewire;
using namespace tidewire::testing;
using tls::TrafficSecret;

namespace {

constexpr std::uint8_t alert = 21;
constexpr std::uint8_t handshake = 22;

std::string unhex(std::string_view digits) {
  std::string bytes;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

/// The kernel's structure for AES-128-GCM and TLS 1.3, with nothing in it.
transport::KernelKeys some_keys() {
  struct {
    std::uint16_t version = 0x304, cipher = 51;
    std::array<std::byte, 36> rest{};
  } info;
  return transport::KernelKeys::from(&info).value();
}

/// The first base of what has streams over it, which it outlives.
struct WithKernel {
  Kernel kernel;
};

/// A server of ours whose kernel encrypts, and OpenSSL for a client.
struct Served : WithKernel, ServedToOpenssl {
  explicit Served(const tls::Context& context, int version = TLS1_3_VERSION, const char* suite = nullptr) {
    auto [one, other] = transport::memory_pair(loop);
    connect(context, transport::StreamPtr(new KernelStream(std::move(other), kernel)), std::move(one), version, suite);
  }
};

}  // namespace

TEST_CASE("keys come from a traffic secret as in RFC 8448 section 3") {
  const std::string secret = unhex("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643");
  const auto keys = TrafficSecret(as_bytes(secret)).keys(*EVP_sha256(), some_keys());
  REQUIRE(keys);
  CHECK(as_text(keys->key()) == unhex("9f02283b6c9c07efc26bb9f2ac92e356"));
  const auto nonce = keys->nonce();
  CHECK(as_text(nonce) == unhex("cf782b88dd83549aadf1e984"));
}

// The rest takes an OpenSSL that was built for it, as Debian's is.
#ifndef OPENSSL_NO_KTLS

TEST_CASE("the kernel encrypts for a server by every version and suite, and OpenSSL reads it") {
  const tls::Context context = kernel_server_context();
  for (const KernelSuite& suite : kernel_suites) {
    CAPTURE(suite.name);
    Served served(context, suite.version, suite.name);
    served.shake_hands();
    CHECK(served.tls().sends_by_kernel());
    served.say("a little");
    served.say(pattern(300'000));
    served.client->write("and back");
    run_until(served.loop, [&] { return served.server->received == "and back"; });
  }
}

TEST_CASE("what OpenSSL itself writes leaves with its type: a ticket, close_notify, Finished in TLS 1.2") {
  Served served(kernel_server_context());
  served.shake_hands();
  CHECK(served.kernel.records == std::vector{handshake});
  served.server->stream->end();
  run_until(served.loop, [&] { return served.client->wire.ends == 1; });
  CHECK(served.client->was_ended());
  CHECK(served.kernel.records == std::vector{handshake, alert});

  Served older(kernel_server_context(), TLS1_2_VERSION);
  older.shake_hands();
  // With TLS 1.2 a ticket comes before the keys are in use.
  CHECK(older.kernel.records == std::vector{handshake});
}

TEST_CASE("a stream that declines leaves all to OpenSSL") {
  Served served(kernel_server_context());
  served.kernel.declines = true;
  served.shake_hands();
  CHECK_FALSE(served.tls().sends_by_kernel());
  served.say("all the same");
  CHECK(served.kernel.records.empty());
}

TEST_CASE("a kernel that takes no new keys is given TLS 1.2, and TLS 1.3 only if it always is to be used") {
  for (const bool always : {false, true}) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      Served served(kernel_server_context({}, false, always), version);
      served.shake_hands();
      CHECK(served.tls().sends_by_kernel() == (always || version == TLS1_2_VERSION));
      served.say("either way");
    }
  }
}

TEST_CASE("keys are renewed when the peer wants it, as often as it does") {
  for (const char* const suite : {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}) {
    CAPTURE(suite);
    Served served(kernel_server_context(), TLS1_3_VERSION, suite);
    served.shake_hands();
    for (int times = 1; times <= 3; ++times) {
      served.say("by the last keys");
      served.client->renew_keys();
      run_until(served.loop, [&] { return served.kernel.renewals == times; });
      served.say("by the new ones");
    }
    CHECK(served.client->error == SSL_ERROR_WANT_READ);
  }
}

TEST_CASE("a client's kernel encrypts, and renews its keys too") {
  Loop loop;
  Kernel kernel;
  auto [one, other] = transport::memory_pair(loop);
  transport::StreamPtr below(new KernelStream(std::move(one), kernel));
  Recorder client(tls::connect(kernel_client_context(), std::move(below), "localhost", 443).value());
  OpensslPeer server(std::move(other), server_context().state().new_server_connection().value());
  client.write("written before it is established");
  run_until(loop, [&] { return server.received == "written before it is established"; });
  CHECK(tls::as_encrypted(*client.stream)->sends_by_kernel());
  for (int times = 1; times <= 2; ++times) {
    server.renew_keys();
    run_until(loop, [&] { return kernel.renewals == times; });
    server.received.clear();
    client.write("by the new keys");
    run_until(loop, [&] { return server.received == "by the new keys"; });
  }
  client.stream->end();
  run_until(loop, [&] { return server.was_ended(); });
  CHECK(kernel.records == std::vector{handshake, handshake, alert});
}

TEST_CASE("a configuration of OpenSSL's that has kernels encrypt does not overrule ours") {
  const Issued issued = test_authority().issue({.dns_names = {"localhost"}});
  const auto context = tls::Context::server({.certificate = issued.certificate,
                                             .private_key = issued.private_key,
                                             .protocol = {.kernel_tls = tls::KernelTls::never}})
                           .value();
  const auto connection = context.state().new_server_connection();
  SSL_CTX_set_options(SSL_get_SSL_CTX(connection.value().get()), SSL_OP_ENABLE_KTLS);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Served served(context, version);
    served.shake_hands();
    CHECK_FALSE(served.tls().sends_by_kernel());
    served.say("as ever");
  }
}

TEST_CASE("what is written while a renewal waits goes behind it, in order") {
  Served served(kernel_server_context());
  served.shake_hands();
  served.kernel.refused_records = 1000;
  served.client->renew_keys();
  run_until(served.loop, [&] { return served.kernel.refused_records < 1000; });
  const SharedBytes shared = SharedBytes::copy_of(as_bytes(" two"));
  served.server->write("one");
  served.server->stream->write(shared);
  served.server->stream->write_last(as_bytes(" three"));
  settle(served.loop);
  CHECK(served.client->received.empty());
  CHECK(served.server->stream->queued_bytes() == 13);
  const int writables = served.server->writables;

  served.kernel.refused_records = 0;
  served.kernel.consumer->on_writable();
  run_until(served.loop, [&] { return served.client->received.size() == 13; });
  CHECK(served.client->received == "one two three");
  CHECK(served.kernel.renewals == 1);
  CHECK(served.server->stream->queued_bytes() == 0);
  CHECK(served.server->writables > writables);
}

TEST_CASE("text that is held when a renewal has to wait goes behind it") {
  Served served(kernel_server_context());
  served.shake_hands();
  served.server->data = [&](std::string_view text) { served.server->write(text); };
  served.kernel.refused_records = 1000;
  served.client->write("echo");
  served.client->renew_keys();
  run_until(served.loop, [&] { return served.kernel.refused_records < 1000; });
  settle(served.loop);
  served.kernel.refused_records = 0;
  served.kernel.consumer->on_writable();
  run_until(served.loop, [&] { return served.client->received == "echo"; });
  CHECK(served.kernel.renewals == 1);
}

TEST_CASE("many renewals that are wanted while one waits are answered by that one") {
  Served served(kernel_server_context());
  served.shake_hands();
  served.kernel.refused_records = 1000;
  for (int i = 0; i < 30; ++i) served.client->renew_keys();
  settle(served.loop);
  served.kernel.refused_records = 0;
  served.kernel.consumer->on_writable();
  CHECK(served.kernel.renewals == 1);
  served.say("and it goes on");
}

TEST_CASE("the end waits for a close_notify that has to wait") {
  for (const bool at_once : {false, true}) {
    Served served(kernel_server_context());
    served.shake_hands();
    served.kernel.refused_records = 1000;
    served.server->write("the last");
    at_once ? served.server->stream->close_when_sent() : served.server->stream->end();
    run_until(served.loop, [&] { return served.client->received == "the last"; });
    settle(served.loop);
    CHECK(served.client->wire.ends == 0);
    CHECK_FALSE(served.client->was_ended());

    served.kernel.refused_records = 0;
    served.kernel.consumer->on_writable();
    run_until(served.loop, [&] { return served.client->wire.ends == 1; });
    CHECK(served.client->was_ended());
  }
}

TEST_CASE("a renewal that is wanted behind our end is not answered") {
  Served served(kernel_server_context());
  served.shake_hands();
  served.server->stream->end();
  run_until(served.loop, [&] { return served.client->was_ended(); });
  served.client->renew_keys();
  served.client->write("and text by the new keys");
  run_until(served.loop, [&] { return served.server->received == "and text by the new keys"; });
  CHECK(served.kernel.renewals == 0);
  CHECK(served.kernel.records.back() == alert);
}

TEST_CASE("an alert that has to wait goes before the end all the same") {
  Served served(kernel_server_context());
  served.shake_hands();
  served.kernel.refused_records = 1000;
  served.client->wire.write("this is no record");
  run_until(served.loop, [&] { return !served.server->failures.empty(); });
  settle(served.loop);
  CHECK(served.server->closes == 0);
  CHECK(served.client->wire.ends == 0);
  served.kernel.refused_records = 0;
  served.kernel.consumer->on_writable();
  run_until(served.loop, [&] { return served.server->closes == 1; });
  run_until(served.loop, [&] { return served.client->error == SSL_ERROR_SSL; });
}

TEST_CASE("an alert that never can leave holds the connection up for a while only") {
  Served served(kernel_server_context());
  served.shake_hands();
  served.kernel.refused_records = INT_MAX;
  served.client->wire.write("this is no record");
  run_until(served.loop, [&] { return served.server->closes == 1; });
}

TEST_CASE("a renewal that the kernel can't follow ends the connection, and says why") {
  Served served(kernel_server_context({}, false, true));
  served.shake_hands();
  served.client->renew_keys();
  run_until(served.loop, [&] { return served.server->closes == 1; });
  CHECK(served.server->failures.at(0).detail.find("keys renewed") != std::string::npos);
  CHECK(served.log.find("keys renewed") != std::string::npos);
  CHECK(served.kernel.records.back() == alert);
  CHECK(served.client->error == SSL_ERROR_SSL);
}

TEST_CASE("a connection that fails tells the peer by an alert of the kernel's") {
  Served served(kernel_server_context());
  served.shake_hands();
  served.client->wire.write("this is no record");
  run_until(served.loop, [&] { return served.server->closes == 1; });
  CHECK(served.server->failures.at(0).code == Errc::protocol_error);
  CHECK(served.kernel.records.back() == alert);
  run_until(served.loop, [&] { return served.client->error == SSL_ERROR_SSL; });
}

#endif
