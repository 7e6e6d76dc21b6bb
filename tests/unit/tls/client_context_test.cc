#include <doctest/doctest.h>
#include <support/tls_handshake.h>
#include <string>
#include <vector>

using namespace tidewire;
using namespace tidewire::testing;
using namespace tidewire::tls;

namespace {

constexpr Version versions[] = {Version::tls_1_2, Version::tls_1_3};

Context server_with(const Issued& issued) {
  return Context::server({.certificate = issued.certificate, .private_key = issued.private_key}).value();
}

/// What OpenSSL says of the server's certificate (X509_V_ERR_...) when a client connects to `host`.
long verdict(const Context& client, const Context& server, const std::string& host) {
  TlsPair pair(client, server, host);
  const bool shook = pair.shake();
  const long result = SSL_get_verify_result(pair.client.ssl.get());
  CHECK(shook == (result == X509_V_OK));
  return result;
}

std::string client_error(const ClientOptions& options) {
  const auto made = Context::client(options);
  REQUIRE_FALSE(made);
  CHECK(made.error().code == Errc::invalid_configuration);
  return made.error().detail;
}

}  // namespace

TEST_CASE("a certificate must be for the host's name") {
  const TlsSite site;
  const Context client = Context::client(site.client()).value();
  const Context server = server_with(
      site.root.issue({.common_name = "subject.example", .dns_names = {"a.example", "*.b.example", "c*.example"}}));
  CHECK(verdict(client, server, "a.example") == X509_V_OK);
  CHECK(verdict(client, server, "A.Example.") == X509_V_OK);
  CHECK(verdict(client, server, "x.b.example") == X509_V_OK);
  CHECK(verdict(client, server, "b.example") == X509_V_ERR_HOSTNAME_MISMATCH);
  CHECK(verdict(client, server, "x.y.b.example") == X509_V_ERR_HOSTNAME_MISMATCH);
  CHECK(verdict(client, server, "cc.example") == X509_V_ERR_HOSTNAME_MISMATCH);
  CHECK(verdict(client, server, "other.example") == X509_V_ERR_HOSTNAME_MISMATCH);
}

TEST_CASE("what a certificate's subject calls itself is no host name") {
  const TlsSite site;
  const Context client = Context::client(site.client()).value();
  CHECK(verdict(client, server_with(site.root.issue({.common_name = "a.example"})), "a.example") ==
        X509_V_ERR_HOSTNAME_MISMATCH);
}

TEST_CASE("a certificate must be for the host's IP address, and no name is asked for then") {
  const TlsSite site;
  const Context client = Context::client(site.client()).value();
  const Context server = server_with(site.first);
  CHECK(verdict(client, server, "127.0.0.1") == X509_V_OK);
  CHECK(verdict(client, server, "::1") == X509_V_OK);
  CHECK(verdict(client, server, "0:0:0:0:0:0:0:1") == X509_V_OK);
  CHECK(verdict(client, server, "127.0.0.2") == X509_V_ERR_IP_ADDRESS_MISMATCH);
  CHECK(verdict(client, server_with(site.root.issue({.dns_names = {"127.0.0.1"}})), "127.0.0.1") ==
        X509_V_ERR_IP_ADDRESS_MISMATCH);
  TlsPair pair(client, server, "127.0.0.1");
  REQUIRE(pair.shake());
  CHECK(SSL_get_servername(pair.server.ssl.get(), TLSEXT_NAMETYPE_host_name) == nullptr);
}

TEST_CASE("a certificate of an unknown root, of itself or out of time is refused") {
  const TlsSite site;
  const Context client = Context::client(site.client()).value();
  const CertificateSpec spec = {.dns_names = {"localhost"}};
  CHECK(verdict(client, server_with(Authority("Others").issue(spec)), "localhost") ==
        X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
  CHECK(verdict(client, server_with(self_signed(spec)), "localhost") == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
  // A server of ours doesn't load what has expired: the client looks at another time.
  TlsPair late(client, server_with(site.first));
  X509_VERIFY_PARAM_set_time(SSL_get0_param(late.client.ssl.get()), std::time(nullptr) + 100 * 24 * 60 * 60);
  CHECK_FALSE(late.shake());
  CHECK(SSL_get_verify_result(late.client.ssl.get()) == X509_V_ERR_CERT_HAS_EXPIRED);
  CHECK(late.client.error == "handshake: certificate verify failed");
}

TEST_CASE("a chain leads to the root over what the server sends") {
  const TlsSite site;
  const Authority between("Between", site.root);
  const Issued leaf = between.issue({.dns_names = {"localhost"}});
  const Context client = Context::client(site.client()).value();
  CHECK(verdict(client, server_with({leaf.certificate + between.certificate(), leaf.private_key}), "localhost") ==
        X509_V_OK);
  CHECK(verdict(client, server_with(leaf), "localhost") == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
}

TEST_CASE("roots come from a file, too, and are read anew at a reload") {
  const TlsSite site;
  const TemporaryFolder folder;
  Context client = Context::client({.ca_file = folder.file("ca.pem", Authority("Others").certificate())}).value();
  const Context server = server_with(site.first);
  CHECK(verdict(client, server, "localhost") != X509_V_OK);
  folder.file("ca.pem", site.root.certificate());
  REQUIRE(client.reload());
  CHECK(verdict(client, server, "localhost") == X509_V_OK);
}

TEST_CASE("without roots given the system's are trusted, and those alone") {
  const TlsSite site;
  const Context client = Context::client().value();
  CHECK(verdict(client, server_with(site.first), "localhost") == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
}

TEST_CASE("a client that accepts any certificate accepts any, and still asks by name") {
  const Context client = Context::client({.dangerously_accept_any_certificate = true}).value();
  TlsPair pair(client, server_with(self_signed()), "any.example");
  CHECK(pair.shake());
  CHECK(std::string(SSL_get_servername(pair.server.ssl.get(), TLSEXT_NAMETYPE_host_name)) == "any.example");
}

TEST_CASE("what is neither a name nor an address is refused") {
  const Context client = Context::client().value();
  for (const char* host : {"", ".", "a b", "[::1]", "a/b", "::1%lo", "a:443"}) {
    CAPTURE(host);
    const auto made = client.state().new_client_connection(host, 443);
    REQUIRE_FALSE(made);
    CHECK(made.error().code == Errc::invalid_argument);
  }
}

TEST_CASE("a session is resumed with its own host and port alone") {
  const TlsSite site;
  const Context server = server_with(site.first);
  for (const Version version : versions) {
    ClientOptions options = site.client();
    options.protocol.max_version = version;
    const Context client = Context::client(options).value();
    TlsPair first(client, server, "localhost", 443);
    REQUIRE(first.shake());
    CHECK(first.client.version() == name(version));
    const auto resumes = [&](const std::string& host, std::uint16_t port) {
      TlsPair pair(client, server, host, port);
      REQUIRE(pair.shake());
      CHECK(SSL_get_verify_result(pair.client.ssl.get()) == X509_V_OK);
      return pair.client.has_resumed();
    };
    CHECK_FALSE(resumes("localhost", 444));
    CHECK_FALSE(resumes("127.0.0.1", 443));
    CHECK(resumes("LocalHost", 443));
    CHECK(resumes("localhost", 444));
    CHECK(resumes("127.0.0.1", 443));
  }
}

TEST_CASE("two connections at once do not share a ticket of TLS 1.3") {
  const TlsSite site;
  const Context server = server_with(site.first);
  const Context client = Context::client(site.client()).value();
  TlsPair first(client, server);
  REQUIRE(first.shake());
  TlsPair second(client, server);
  TlsPair third(client, server);
  REQUIRE(second.shake());
  REQUIRE(third.shake());
  CHECK(second.client.has_resumed());
  CHECK_FALSE(third.client.has_resumed());
}

TEST_CASE("a client that keeps no sessions resumes none, nor does one after a reload") {
  const TlsSite site;
  const Context server = server_with(site.first);
  for (const Version version : versions) {
    ClientOptions options = site.client();
    options.protocol.max_version = version;
    Context reloaded = Context::client(options).value();
    options.max_sessions = 0;
    Context forgetful = Context::client(options).value();
    for (Context* client : {&reloaded, &forgetful}) {
      TlsPair first(*client, server);
      REQUIRE(first.shake());
      REQUIRE(client->reload());
      TlsPair second(*client, server);
      REQUIRE(second.shake());
      CHECK_FALSE(second.client.has_resumed());
    }
  }
}

TEST_CASE("a session after whose handshake the connection failed is not resumed") {
  const TlsSite site;
  const Context server = server_with(site.first);
  ClientOptions options = site.client();
  options.protocol.max_version = Version::tls_1_2;
  const Context client = Context::client(options).value();
  {
    TlsPair first(client, server);
    REQUIRE(first.shake());
    const unsigned char garbage[] = {23, 3,  3,  0,  20, 1,  2,  3,  4,  5,  6,  7, 8,
                                     9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20};
    REQUIRE(BIO_write(SSL_get_wbio(first.server.ssl.get()), garbage, sizeof garbage) == sizeof garbage);
    CHECK(first.client.read().empty());
    CHECK_FALSE(first.client.error.empty());
  }
  TlsPair second(client, server);
  REQUIRE(second.shake());
  CHECK_FALSE(second.client.has_resumed());
}

TEST_CASE("a client's wrong options are errors that name them") {
  const TlsSite site;
  CHECK(client_error({.ca = "hello"}) == "ca: is not PEM");
  CHECK(client_error({.ca_file = "/none"}) == "/none: No such file or directory");
  CHECK(client_error({.ca = site.root.certificate(), .dangerously_accept_any_certificate = true}) ==
        "ca is given, but dangerously_accept_any_certificate takes every certificate");
  CHECK(client_error({.certificate = site.first.certificate}) == "private key: neither a file nor a text is given");
  CHECK(client_error({.private_key = site.first.private_key}) == "certificate: neither a file nor a text is given");
  ClientOptions options;
  options.protocol.groups = "NONSENSE";
  CHECK(client_error(options).starts_with("groups: "));
}
