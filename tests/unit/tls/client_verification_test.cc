#include <doctest/doctest.h>
#include <support/tls_handshake.h>
#include <string>
#include <vector>

using namespace tidewire;
using namespace tidewire::testing;
using namespace tidewire::tls;

namespace {

/// A server that looks at clients' certificates, and clients with and without.
struct Clients : TlsSite {
  Authority people{"People"};
  Issued alice = people.issue({.common_name = "alice"});
  Issued mallory = Authority("Others").issue({.common_name = "mallory"});

  [[nodiscard]] ServerOptions asking(ClientCertificates how) const {
    ServerOptions options = server();
    options.client_certificates = how;
    options.client_ca = people.certificate();
    return options;
  }
  [[nodiscard]] Context with(const Issued& issued, Version version = Version::tls_1_3) const {
    ClientOptions options = client();
    options.certificate = issued.certificate;
    options.private_key = issued.private_key;
    options.protocol.max_version = version;
    return Context::client(options).value();
  }
  [[nodiscard]] Context without(Version version = Version::tls_1_3) const {
    ClientOptions options = client();
    options.protocol.max_version = version;
    return Context::client(options).value();
  }
};

constexpr Version versions[] = {Version::tls_1_2, Version::tls_1_3};

}  // namespace

TEST_CASE("clients that are not asked for certificates show none") {
  const Clients clients;
  TlsPair pair(clients.with(clients.alice), Context::server(clients.server()).value());
  CHECK(pair.shake());
  CHECK(pair.server.peer().empty());
}

TEST_CASE("a requested certificate may be missing, but not untrusted") {
  const Clients clients;
  const Context server = Context::server(clients.asking(ClientCertificates::request)).value();
  for (const Version version : versions) {
    TlsPair nobody(clients.without(version), server);
    CHECK(nobody.shake());
    CHECK(nobody.server.peer().empty());
    TlsPair alice(clients.with(clients.alice, version), server);
    CHECK(alice.shake());
    CHECK(alice.server.peer() == "alice");
    TlsPair mallory(clients.with(clients.mallory, version), server);
    CHECK_FALSE(mallory.shake());
    CHECK(mallory.server.error == "handshake: certificate verify failed");
  }
}

TEST_CASE("without a required certificate the handshake fails") {
  const Clients clients;
  const Context server = Context::server(clients.asking(ClientCertificates::require)).value();
  for (const Version version : versions) {
    TlsPair nobody(clients.without(version), server);
    CHECK_FALSE(nobody.shake());
    CHECK(nobody.server.error == "handshake: peer did not return a certificate");
    CHECK_FALSE(nobody.client.error.empty());
    TlsPair alice(clients.with(clients.alice, version), server);
    CHECK(alice.shake());
    CHECK(alice.server.peer() == "alice");
  }
}

TEST_CASE("the roots are named to the client") {
  const Clients clients;
  const Context server = Context::server(clients.asking(ClientCertificates::request)).value();
  TlsPair pair(clients.without(), server);
  REQUIRE(pair.shake());
  const STACK_OF(X509_NAME)* names = SSL_get0_peer_CA_list(pair.client.ssl.get());
  REQUIRE(sk_X509_NAME_num(names) == 1);
  char text[100];
  X509_NAME_oneline(sk_X509_NAME_value(names, 0), text, sizeof text);
  CHECK(std::string(text) == "/CN=People");
}

TEST_CASE("a revoked certificate is refused, and every issuer needs a list") {
  const Clients clients;
  const TemporaryFolder folder;
  const Issued bob = clients.people.issue({.common_name = "bob"});
  ServerOptions options = clients.asking(ClientCertificates::require);
  options.client_crl_file = folder.file("crl.pem", clients.people.revocation_list({bob}));
  const Context server = Context::server(options).value();
  TlsPair good(clients.with(clients.alice), server);
  CHECK(good.shake());
  TlsPair revoked(clients.with(bob), server);
  CHECK_FALSE(revoked.shake());
  CHECK(SSL_get_verify_result(revoked.server.ssl.get()) == X509_V_ERR_CERT_REVOKED);

  folder.file("crl.pem", Authority("Others").revocation_list({}));
  Context unlisted = Context::server(options).value();
  TlsPair unknown(clients.with(clients.alice), unlisted);
  CHECK_FALSE(unknown.shake());
}

TEST_CASE("a certificate that is revoked between two reloads is refused, and its session not resumed") {
  const Clients clients;
  const TemporaryFolder folder;
  ServerOptions options = clients.asking(ClientCertificates::require);
  options.client_crl_file = folder.file("crl.pem", clients.people.revocation_list({}));
  Context server = Context::server(options).value();
  for (const Version version : versions) {
    folder.file("crl.pem", clients.people.revocation_list({}));
    REQUIRE(server.reload());
    const Context client = clients.with(clients.alice, version);
    TlsPair first(client, server);
    REQUIRE(first.shake());
    TlsPair again(client, server);
    REQUIRE(again.shake());
    CHECK(again.server.has_resumed());
    CHECK(again.server.peer() == "alice");

    folder.file("crl.pem", clients.people.revocation_list({clients.alice}));
    REQUIRE(server.reload());
    TlsPair after(client, server);
    CHECK_FALSE(after.shake());
    CHECK(SSL_get_verify_result(after.server.ssl.get()) == X509_V_ERR_CERT_REVOKED);
  }
}

TEST_CASE("a session without a certificate is not resumed where one is required, though the ticket keys are the same") {
  const Clients clients;
  ServerOptions open = clients.asking(ClientCertificates::request);
  open.ticket_keys = {TicketKey::random().value()};
  ServerOptions closed = clients.asking(ClientCertificates::require);
  closed.ticket_keys = open.ticket_keys;
  const Context open_server = Context::server(open).value();
  const Context closed_server = Context::server(closed).value();
  for (const Version version : versions) {
    const Context client = clients.without(version);
    TlsPair first(client, open_server);
    REQUIRE(first.shake());
    TlsPair second(client, closed_server);
    CHECK_FALSE(second.shake());
    CHECK_FALSE(second.server.has_resumed());
  }
}

TEST_CASE("what is missing or contradicts itself is an error") {
  const Clients clients;
  const TemporaryFolder folder;
  const auto error = [](const ServerOptions& options) {
    const auto made = Context::server(options);
    REQUIRE_FALSE(made);
    CHECK(made.error().code == Errc::invalid_configuration);
    return made.error().detail;
  };
  ServerOptions options = clients.server();
  options.client_certificates = ClientCertificates::require;
  CHECK(error(options) == "client_ca: neither a file nor a text is given");
  options.client_ca = "hello";
  CHECK(error(options) == "client_ca: is not PEM");

  options = clients.asking(ClientCertificates::none);
  CHECK(error(options) == "client_ca is given, but client_certificates is none");
  options.client_ca.clear();
  options.client_crl_file = "crl.pem";
  CHECK(error(options) == "client_crl_file is given, but client_certificates is none");

  options = clients.asking(ClientCertificates::request);
  options.client_crl_file = folder.file("crl.pem", clients.people.revocation_list({}, Days(-1)));
  CHECK(error(options).starts_with(options.client_crl_file + ": the revocation list of CN=People expired on 20"));
  options.client_crl_file = folder.file("crl.pem", clients.people.certificate());
  CHECK(error(options) == options.client_crl_file + ": has no revocation list, but: CERTIFICATE");
}
