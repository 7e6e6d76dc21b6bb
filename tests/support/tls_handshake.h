#pragma once

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <support/certificates.h>
#include <tidewire/tls/context.h>
#include <tidewire/tls/context_state.h>
#include <tidewire/tls/openssl_error.h>
#include <tidewire/tls/openssl_types.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

/// TLS between two ends in memory, without streams.
namespace tidewire::testing {

/// A root, and options for a server and for clients that trust it.
struct TlsSite {
  Authority root{"Root"};
  Issued first = root.issue({.common_name = "first", .dns_names = {"localhost"}, .addresses = {"127.0.0.1", "::1"}});

  [[nodiscard]] tls::ServerOptions server() const {
    return {.certificate = first.certificate, .private_key = first.private_key};
  }
  [[nodiscard]] tls::ClientOptions client() const { return {.ca = root.certificate()}; }
};

struct TlsEnd {
  tls::SslPtr ssl;
  bool is_done = false;
  std::string error = {};  ///< Why the handshake failed here.

  /// Does what can be done. False once the handshake failed.
  bool go_on() {
    if (is_done || !error.empty()) return is_done;
    tls::clear_openssl_errors();
    const int outcome = SSL_do_handshake(ssl.get());
    is_done = outcome == 1;
    if (is_done) return true;
    const int why = SSL_get_error(ssl.get(), outcome);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return true;
    error = tls::openssl_error(Errc::protocol_error, "handshake").detail;
    return false;
  }

  /// What has come, after the handshake. Nothing may have; then it ends with why.
  std::string read() {
    char buffer[100];
    tls::clear_openssl_errors();
    const int size = SSL_read(ssl.get(), buffer, sizeof buffer);
    if (size > 0) return {buffer, static_cast<std::size_t>(size)};
    if (SSL_get_error(ssl.get(), size) != SSL_ERROR_WANT_READ) {
      error = tls::openssl_error(Errc::protocol_error, "reading").detail;
    }
    return {};
  }

  bool write(std::string_view text) { return SSL_write(ssl.get(), text.data(), static_cast<int>(text.size())) > 0; }

  [[nodiscard]] bool has_resumed() const { return SSL_session_reused(ssl.get()) == 1; }
  /// Whom the other end's certificate is for, its common name; empty if it showed none.
  [[nodiscard]] std::string peer() const {
    char text[256] = "";
    const X509* certificate = SSL_get0_peer_certificate(ssl.get());
    if (certificate != nullptr) {
      X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text, sizeof text);
    }
    return text;
  }
  [[nodiscard]] std::string protocol() const {
    const unsigned char* data = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(ssl.get(), &data, &size);
    return {reinterpret_cast<const char*>(data), size};
  }
  [[nodiscard]] std::string version() const { return SSL_get_version(ssl.get()); }
};

struct TlsPair {
  TlsPair(tls::SslPtr client_ssl, tls::SslPtr server_ssl) {
    client.ssl = std::move(client_ssl);
    server.ssl = std::move(server_ssl);
    BIO* near = nullptr;
    BIO* far = nullptr;
    if (BIO_new_bio_pair(&near, 0, &far, 0) != 1) throw std::bad_alloc();
    SSL_set_bio(client.ssl.get(), near, near);
    SSL_set_bio(server.ssl.get(), far, far);
  }
  /// Between a context of each role.
  TlsPair(const tls::Context& client_context, const tls::Context& server_context, const std::string& host = "localhost",
          std::uint16_t port = 443)
      : TlsPair(client_context.state().new_client_connection(host, port).value(),
                server_context.state().new_server_connection().value()) {}

  /// The whole handshake, and what the server sends after it (tickets). False if it failed at either end; each has had
  /// the other's alert then.
  bool shake() {
    for (int i = 0; i < 10 && !(client.is_done && server.is_done); ++i) {
      client.go_on();
      server.go_on();
    }
    if (!client.is_done || !server.is_done) {
      if (client.is_done) client.read();
      return false;
    }
    return server.write("hello") && client.read() == "hello";
  }

  TlsEnd client;
  TlsEnd server;
};

}  // namespace tidewire::testing
