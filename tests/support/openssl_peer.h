#pragma once

#include <doctest/doctest.h>
#include <openssl/ssl.h>
#include <support/certificates.h>
#include <support/consumers.h>
#include <support/run.h>
#include <tidewire/tls/openssl_types.h>
#include <tidewire/tls/stream.h>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tidewire::testing {

/// OpenSSL alone at the far end of a stream in the clear, as a client that trusts everybody, or as what `connection`
/// is: for what none of ours says.
class OpensslPeer {
 public:
  OpensslPeer(transport::StreamPtr stream, tls::SslPtr connection)
      : ssl_(std::move(connection)), wire(std::move(stream)) {
    start();
  }
  explicit OpensslPeer(transport::StreamPtr stream, int version = TLS1_3_VERSION, const char* suite = nullptr)
      : context_(SSL_CTX_new(TLS_client_method())), wire(std::move(stream)) {
    REQUIRE(SSL_CTX_set_min_proto_version(context_.get(), version) == 1);
    REQUIRE(SSL_CTX_set_max_proto_version(context_.get(), version) == 1);
    if (suite != nullptr) {
      const bool taken = version == TLS1_3_VERSION ? SSL_CTX_set_ciphersuites(context_.get(), suite) == 1
                                                   : SSL_CTX_set_cipher_list(context_.get(), suite) == 1;
      REQUIRE(taken);
    }
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_connect_state(ssl_.get());
    start();
  }

  void write(std::string_view text) {
    REQUIRE(SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())) == static_cast<int>(text.size()));
    send();
  }
  /// Renews the keys of its own side, and has the other side do the same (RFC 8446 section 4.6.3).
  void renew_keys() {
    REQUIRE(SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED) == 1);
    REQUIRE(SSL_do_handshake(ssl_.get()) == 1);
    send();
  }
  /// As a server of TLS 1.2: sends a HelloRequest (RFC 5246 section 7.4.1.1).
  void ask_to_renegotiate() {
    REQUIRE(SSL_renegotiate(ssl_.get()) == 1);
    SSL_do_handshake(ssl_.get());
    send();
  }
  void end() {
    SSL_shutdown(ssl_.get());
    send();
  }

  [[nodiscard]] bool established() const { return SSL_is_init_finished(ssl_.get()) == 1; }
  [[nodiscard]] bool was_ended() const { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }

 private:
  void start() {
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    wire.data = [this](std::string_view bytes) {
      REQUIRE(BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size())) > 0);
      go_on();
    };
    go_on();
  }
  void go_on() {
    if (!established()) SSL_do_handshake(ssl_.get());
    if (established()) read();
    send();
  }
  void read() {
    std::array<char, 16 * 1024> text;
    int size = 0;
    while ((size = SSL_read(ssl_.get(), text.data(), static_cast<int>(text.size()))) > 0) {
      received.append(text.data(), static_cast<std::size_t>(size));
    }
    error = SSL_get_error(ssl_.get(), size);
  }
  void send() {
    char* bytes = nullptr;
    BIO* const out = SSL_get_wbio(ssl_.get());
    const long size = BIO_get_mem_data(out, &bytes);
    if (size > 0) wire.write({bytes, static_cast<std::size_t>(size)});
    static_cast<void>(BIO_reset(out));
  }

  tls::SslCtxPtr context_;
  tls::SslPtr ssl_;

 public:
  std::string received;
  int error = SSL_ERROR_NONE;  ///< Why OpenSSL read no further, as SSL_get_error has it.
  Recorder wire;
};

/// A server of ours, and OpenSSL for its client.
struct ServedToOpenssl {
  ServedToOpenssl() {
    loop.set_log_sink([this](LogLevel, std::string_view line) { log += line; });
  }
  void connect(const tls::Context& context, transport::StreamPtr far, transport::StreamPtr near, int version,
               const char* suite) {
    server.emplace(tls::accept(context, std::move(far)));
    server->failed = [this] { server->stream->close(); };
    client.emplace(std::move(near), version, suite);
  }
  void shake_hands() {
    run_until(loop, [&] { return client->established() && tls().established(); });
    settle(loop);
  }
  /// Has the server send, outside of all callbacks, and the client read.
  void say(std::string_view text) {
    const std::size_t before = client->received.size();
    server->write(text);
    run_until(loop, [&] { return client->received.size() == before + text.size(); });
    CHECK(client->received.substr(before) == text);
  }
  [[nodiscard]] const tls::Stream& tls() const { return *tls::as_encrypted(*server->stream); }

  Loop loop;
  std::string log;
  std::optional<Recorder> server;
  std::optional<OpensslPeer> client;
};

}  // namespace tidewire::testing
