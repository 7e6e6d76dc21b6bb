#include <linux/tls.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <doctest/doctest.h>
#include <support/consumers.h>
#include <support/openssl_peer.h>
#include <support/run.h>
#include <support/streams.h>
#include <tidewire/tls/stream.h>
#include <tidewire/transport/kernel_tls.h>
#include <tidewire/transport/socket_calls.h>
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

// On kernels that encrypt: tests/kernel/run brings them. transport/stream_test.cc runs there too, with the kernel on
// both sides of what it has over TCP.

using namespace tidewire;
using namespace tidewire::testing;
using tls::KernelTls;
using transport::KernelTlsOffer;

namespace {

tls::Context server_that(KernelTls kernel_tls) {
  const Issued issued = test_authority().issue({.dns_names = {"localhost"}});
  return tls::Context::server({.certificate = issued.certificate,
                               .private_key = issued.private_key,
                               .protocol = {.kernel_tls = kernel_tls}})
      .value();
}

/// For AES-128-GCM and TLS 1.3: of those that can be had without a handshake.
transport::KernelKeys some_keys() {
  tls12_crypto_info_aes_gcm_128 info{};
  info.info = {.version = TLS_1_3_VERSION, .cipher_type = TLS_CIPHER_AES_GCM_128};
  return transport::KernelKeys::from(&info).value();
}

void set_buffer(const Descriptor& socket, int which, int bytes) {
  REQUIRE(::setsockopt(socket.get(), SOL_SOCKET, which, &bytes, sizeof bytes) == 0);
}

/// The system's buffers for what is on its way to the client.
struct Buffers {
  int receive_bytes = 0;
  int send_bytes = 0;
};
constexpr Buffers small{.receive_bytes = 64 * 1024, .send_bytes = 32 * 1024};
// Less than a record, and each piece waits for the timer of an acknowledgement: for little text.
constexpr Buffers tiny{.receive_bytes = 4096, .send_bytes = 4096};

/// A server of ours on a TCP connection, and OpenSSL at the other end.
struct Served : ServedToOpenssl {
  explicit Served(const tls::Context& context, int version = TLS1_3_VERSION, const char* suite = nullptr,
                  const Buffers& buffers = {}) {
    auto [one, other] = tcp_sockets();
    if (buffers.receive_bytes != 0) set_buffer(one, SO_RCVBUF, buffers.receive_bytes);
    if (buffers.send_bytes != 0) set_buffer(other, SO_SNDBUF, buffers.send_bytes);
    connect(context, adopt(loop, std::move(other)), adopt(loop, std::move(one)), version, suite);
    shake_hands();
  }
};

}  // namespace

TEST_CASE("this kernel makes records") { REQUIRE(KernelTlsOffer::now().records); }

TEST_CASE("the kernel encrypts by every version and suite, and OpenSSL reads it to the end") {
  const tls::Context context = server_that(KernelTls::always);
  for (const KernelSuite& suite : kernel_suites) {
    CAPTURE(suite.name);
    Served served(context, suite.version, suite.name);
    CHECK(served.tls().sends_by_kernel());
    served.say("a little");
    served.say(pattern(300'000));
    served.client->write("and back");
    run_until(served.loop, [&] { return served.server->received == "and back"; });
    served.server->stream->end();
    run_until(served.loop, [&] { return served.client->wire.ends == 1; });
    CHECK(served.client->was_ended());
    served.client->end();
    run_until(served.loop, [&] { return served.server->ends == 1; });
    CHECK(served.server->failures.empty());
  }
}

TEST_CASE("unnoticed, the kernel has TLS 1.2, and TLS 1.3 if it can renew keys; never, it has neither") {
  for (const KernelTls wanted : {KernelTls::unnoticed, KernelTls::never}) {
    const tls::Context context = server_that(wanted);
    const bool used = wanted != KernelTls::never;
    CHECK(Served(context, TLS1_2_VERSION).tls().sends_by_kernel() == used);
    CHECK(Served(context, TLS1_3_VERSION).tls().sends_by_kernel() == (used && KernelTlsOffer::now().renewals));
  }
}

TEST_CASE("what a slow peer has not read yet is not lost at the end") {
  const tls::Context context = server_that(KernelTls::always);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const std::size_t size : {std::size_t{20'000}, std::size_t{600'000}}) {
      for (const bool at_once : {false, true}) {
        CAPTURE(size);
        CAPTURE(at_once);
        Served served(context, version, nullptr, size < 100'000 ? tiny : small);
        served.client->wire.stream->pause();
        const std::string text = pattern(size);
        served.server->write(text);
        at_once ? served.server->stream->close_when_sent() : served.server->stream->end();
        settle(served.loop);
        served.client->wire.stream->resume();
        run_until(served.loop, [&] { return served.client->wire.ends + served.client->wire.closes > 0; });
        CHECK(served.client->received == text);
        CHECK(served.client->was_ended());
      }
    }
  }
}

TEST_CASE("a stream does not end while the kernel has a record that TCP has but a part of") {
  const auto keys = some_keys();
  for (const bool at_once : {false, true}) {
    // With so many records, on some kernels, the buffers are full in the middle of the last.
    for (int records = 1; records <= 4; ++records) {
      CAPTURE(at_once);
      CAPTURE(records);
      Loop loop;
      auto [one, other] = tcp_sockets();
      set_buffer(one, SO_RCVBUF, tiny.receive_bytes);
      set_buffer(other, SO_SNDBUF, tiny.send_bytes);
      Recorder near(adopt(loop, std::move(other)), false);
      REQUIRE(near.stream->try_encrypt(keys));
      for (int i = 0; i < records; ++i) near.stream->write_last(as_bytes(pattern(16 * 1024)));
      at_once ? near.stream->close_when_sent() : near.stream->end();
      settle(loop);
      Recorder far(adopt(loop, std::move(one)));
      run_until(loop, [&] { return far.ends + far.closes > 0; });
      CHECK(far.failures.empty());
      CHECK(far.received.size() == static_cast<std::size_t>(records) * (16 * 1024 + keys.record_overhead_bytes()));
    }
  }
}

TEST_CASE("what TCP has not is told from what it has") {
  const auto [one, other] = tcp_sockets();
  auto count = transport::begin_kernel_records(other.get(), some_keys());
  REQUIRE(count);
  CHECK(transport::kernel_records_sent(other.get(), *count));
  *count += static_cast<std::uint32_t>(transport::send_piece(other.get(), as_bytes("some text")));
  CHECK(transport::kernel_records_sent(other.get(), *count));
  CHECK_FALSE(transport::kernel_records_sent(other.get(), *count + 1));
  *count += static_cast<std::uint32_t>(transport::send_kernel_record(other.get(), 21, as_bytes("\x1\x0")));
  CHECK(transport::kernel_records_sent(other.get(), *count));
  if (KernelTlsOffer::now().renewals) {
    CHECK(transport::renew_kernel_keys(other.get(), some_keys(), *count) == 0);
    CHECK(transport::kernel_records_sent(other.get(), *count));
    *count += static_cast<std::uint32_t>(transport::send_piece(other.get(), as_bytes("by the new keys")));
    CHECK(transport::kernel_records_sent(other.get(), *count));
    CHECK_FALSE(transport::kernel_records_sent(other.get(), *count + 1));
  } else {
    CHECK(transport::renew_kernel_keys(other.get(), some_keys(), *count) < 0);
  }
}

TEST_CASE("a peer that resets while the kernel has records is no reason to wait") {
  Served served(server_that(KernelTls::always), TLS1_3_VERSION, nullptr, small);
  served.client->wire.stream->pause();
  served.server->write(pattern(600'000));
  served.server->stream->close_when_sent();
  settle(served.loop);
  served.client->wire.stream->close();
  run_until(served.loop, [&] { return served.server->closes == 1; });
}

TEST_CASE("keys are renewed with a peer that wants it, between and behind texts of all sizes") {
  if (!KernelTlsOffer::now().renewals) return;
  const tls::Context context = server_that(KernelTls::unnoticed);
  for (const char* const suite : {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}) {
    CAPTURE(suite);
    Served served(context, TLS1_3_VERSION, suite, small);
    for (int times = 0; times < 4; ++times) {
      const std::string text = pattern(times % 2 == 0 ? 100 : 300'000);
      const std::size_t before = served.client->received.size();
      // What waits when the wish comes was written before.
      served.client->wire.stream->pause();
      served.server->write(text);
      settle(served.loop);
      served.client->renew_keys();
      settle(served.loop);
      served.client->wire.stream->resume();
      served.server->write(text);
      run_until(served.loop, [&] { return served.client->received.size() == before + 2 * text.size(); });
      CHECK(served.client->received.substr(before) == text + text);
      served.say("by the new keys");
    }
    CHECK(served.client->error == SSL_ERROR_WANT_READ);
    served.server->stream->end();
    run_until(served.loop, [&] { return served.client->wire.ends == 1; });
    CHECK(served.client->was_ended());
  }
}

TEST_CASE("a kernel that can't renew keys ends a connection that has to, and says why") {
  if (KernelTlsOffer::now().renewals) return;
  Served served(server_that(KernelTls::always));
  served.client->renew_keys();
  run_until(served.loop, [&] { return served.server->closes == 1; });
  CHECK(served.log.find("keys renewed") != std::string::npos);
  run_until(served.loop, [&] { return served.client->error == SSL_ERROR_SSL; });
}

TEST_CASE("bytes that many share are sent by the kernel, to slow peers too") {
  const tls::Context context = server_that(KernelTls::always);
  const SharedBytes shared = SharedBytes::copy_of(as_bytes(pattern(70'000)));
  Served slow(context, TLS1_3_VERSION, nullptr, small);
  slow.client->wire.stream->pause();
  for (int times = 0; times < 10; ++times) slow.server->stream->write_last(shared);
  settle(slow.loop);
  CHECK(slow.server->stream->queued_bytes() > 0);
  slow.client->wire.stream->resume();
  run_until(slow.loop, [&] { return slow.client->received.size() == 700'000; });
  for (std::size_t at = 0; at < 700'000; at += 70'000) {
    CHECK(std::string_view(slow.client->received).substr(at, 70'000) == as_text(shared.view()));
  }
}
