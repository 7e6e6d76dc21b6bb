#include <openssl/ocsp.h>

#include <doctest/doctest.h>
#include <support/tls_handshake.h>
#include <array>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

using namespace tidewire;
using namespace tidewire::testing;
using namespace tidewire::tls;

namespace {

constexpr Version versions[] = {Version::tls_1_2, Version::tls_1_3};

CertificateSource source_of(const Issued& issued) {
  return {.certificate = issued.certificate, .private_key = issued.private_key};
}

/// Several certificates, each with its common name to be told by.
struct Sites : TlsSite {
  ServerOptions options = server();

  Sites() {
    options.more_certificates = {
        source_of(root.issue({.common_name = "exact", .dns_names = {"www.example.org"}})),
        source_of(root.issue({.common_name = "wildcard", .dns_names = {"*.example.org"}, .key = KeyKind::rsa}))};
  }

  /// A client that takes what comes, to see what does.
  [[nodiscard]] static Context careless(Version version = Version::tls_1_3) {
    ClientOptions client;
    client.dangerously_accept_any_certificate = true;
    client.protocol.max_version = version;
    return Context::client(client).value();
  }
};

std::string served(const Context& server, const std::string& host, Version version = Version::tls_1_3) {
  TlsPair pair(Sites::careless(version), server, host);
  return pair.shake() ? pair.client.peer() : "failed: " + pair.server.error;
}

/// The name of the key that a client's ticket was made with, with which the ticket begins.
std::array<std::byte, 16> key_of_ticket(const TlsEnd& client) {
  const unsigned char* ticket = nullptr;
  std::size_t size = 0;
  SSL_SESSION_get0_ticket(SSL_get0_session(client.ssl.get()), &ticket, &size);
  std::array<std::byte, 16> key{};
  REQUIRE(size > key.size());
  std::memcpy(key.data(), ticket, key.size());
  return key;
}

std::string server_error(const ServerOptions& options) {
  const auto made = Context::server(options);
  REQUIRE_FALSE(made);
  CHECK(made.error().code == Errc::invalid_configuration);
  return made.error().detail;
}

}  // namespace

TEST_CASE("a certificate is chosen by an exact name, then a wildcard, else the first") {
  const Sites sites;
  const Context server = Context::server(sites.options).value();
  for (const Version version : versions) {
    CHECK(served(server, "www.example.org", version) == "exact");
    CHECK(served(server, "WWW.Example.org", version) == "exact");
    CHECK(served(server, "api.example.org", version) == "wildcard");
    CHECK(served(server, "a.b.example.org", version) == "first");
    CHECK(served(server, "unknown.example", version) == "first");
    CHECK(served(server, "127.0.0.1", version) == "first");
  }
}

TEST_CASE("a client that can't use the kind of its name's certificate gets none of another name") {
  const Sites sites;
  const Context server = Context::server(sites.options).value();
  const auto served_without = [&](const char* host, const char* algorithms) {
    TlsPair pair(Sites::careless(), server, host);
    REQUIRE(SSL_set1_sigalgs_list(pair.client.ssl.get(), algorithms) == 1);
    return pair.shake() ? pair.client.peer() : "failed";
  };
  CHECK(served_without("localhost", "ECDSA+SHA256") == "first");
  CHECK(served_without("localhost", "RSA-PSS+SHA256") == "failed");
  CHECK(served_without("api.example.org", "RSA-PSS+SHA256") == "wildcard");
  CHECK(served_without("api.example.org", "ECDSA+SHA256") == "failed");
}

TEST_CASE("a verifying client finds each name's certificate good") {
  const Sites sites;
  const Context server = Context::server(sites.options).value();
  const Context client = Context::client(sites.client()).value();
  for (const char* host : {"localhost", "www.example.org", "api.example.org"}) {
    TlsPair pair(client, server, host);
    CHECK(pair.shake());
    CHECK(std::string(SSL_get_servername(pair.server.ssl.get(), TLSEXT_NAMETYPE_host_name)) == host);
  }
}

TEST_CASE("a certificate for an unknown name comes from the callback") {
  Sites sites;
  const auto late = Certificate::load(source_of(sites.root.issue({.common_name = "late"}))).value();
  std::vector<std::string> asked;
  sites.options.on_unknown_name = [&](std::string_view name) -> std::optional<Certificate> {
    asked.emplace_back(name);
    if (name == "late.example") return late;
    return {};
  };
  const Context server = Context::server(sites.options).value();
  for (const Version version : versions) {
    asked.clear();
    CHECK(served(server, "Late.example", version) == "late");
    CHECK(served(server, "other.example", version) == "first");
    CHECK(served(server, "www.example.org", version) == "exact");
    CHECK(served(server, "127.0.0.1", version) == "first");
    CHECK(asked == std::vector<std::string>{"late.example", "other.example"});
  }
}

TEST_CASE("the callback is not asked for what is no host name") {
  Sites sites;
  bool asked = false;
  sites.options.on_unknown_name = [&](std::string_view) -> std::optional<Certificate> {
    asked = true;
    return {};
  };
  TlsPair pair(Sites::careless(), Context::server(sites.options).value());
  SSL_set_tlsext_host_name(pair.client.ssl.get(), "../../etc/passwd");
  CHECK(pair.shake());
  CHECK(pair.client.peer() == "first");
  CHECK_FALSE(asked);
}

TEST_CASE("what the callback throws fails the handshake, and is its reason") {
  Sites sites;
  sites.options.on_unknown_name = [](std::string_view name) -> std::optional<Certificate> {
    if (name == "number.example") throw 42;
    throw std::runtime_error("the database is away");
  };
  const Context server = Context::server(sites.options).value();
  for (const Version version : versions) {
    CHECK(served(server, "any.example", version) == "failed: handshake: the database is away");
    CHECK(served(server, "number.example", version) == "failed: handshake: choosing a certificate failed");
    CHECK(served(server, "www.example.org", version) == "exact");
  }
}

TEST_CASE("the server's first protocol that the client offers is chosen") {
  TlsSite site;
  ServerOptions options = site.server();
  options.protocol.alpn = {"first", "second"};
  const Context server = Context::server(options).value();
  const auto chosen = [&](std::vector<std::string> offered) {
    ClientOptions client = site.client();
    client.protocol.alpn = std::move(offered);
    TlsPair pair(Context::client(client).value(), server);
    return pair.shake() ? pair.server.protocol() : "failed: " + pair.server.error + ", " + pair.client.error;
  };
  CHECK(chosen({"second", "first"}) == "first");
  CHECK(chosen({"other", "second"}) == "second");
  CHECK(chosen({}).empty());
  CHECK(chosen({"other"}) ==
        "failed: handshake: no application protocol, handshake: the peer says: no application protocol");
}

TEST_CASE("a server without protocols leaves ALPN alone") {
  const TlsSite site;
  ServerOptions options = site.server();
  options.protocol.alpn.clear();
  TlsPair pair(Context::client(site.client()).value(), Context::server(options).value());
  CHECK(pair.shake());
  CHECK(pair.client.protocol().empty());
}

TEST_CASE("the OCSP response is stapled for clients that ask, until it is out of date") {
  const TlsSite site;
  const TemporaryFolder folder;
  const std::string response = site.root.ocsp_response(site.first);
  ServerOptions options = site.server();
  options.ocsp_response_file = folder.file("ocsp", response);
  Context server = Context::server(options).value();
  const auto stapled = [&](bool ask, Version version) {
    ClientOptions client = site.client();
    client.protocol.max_version = version;
    TlsPair pair(Context::client(client).value(), server);
    if (ask) SSL_set_tlsext_status_type(pair.client.ssl.get(), TLSEXT_STATUSTYPE_ocsp);
    REQUIRE(pair.shake());
    const unsigned char* data = nullptr;
    const long size = SSL_get_tlsext_status_ocsp_resp(pair.client.ssl.get(), &data);
    return size > 0 ? std::string(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size)) : std::string();
  };
  for (const Version version : versions) {
    CHECK(stapled(true, version) == response);
    CHECK(stapled(false, version).empty());
  }
  folder.file("ocsp", site.root.ocsp_response(site.first, Days(-1)));
  REQUIRE(server.reload());
  CHECK(stapled(true, Version::tls_1_3).empty());
}

TEST_CASE("versions that are not spoken are refused") {
  const TlsSite site;
  ServerOptions options = site.server();
  options.protocol.min_version = Version::tls_1_3;
  const Context newest = Context::server(options).value();
  options = site.server();
  options.protocol.max_version = Version::tls_1_2;
  const Context older = Context::server(options).value();
  ClientOptions old_client = site.client();
  old_client.protocol.max_version = Version::tls_1_2;
  ClientOptions client = site.client();

  TlsPair refused(Context::client(old_client).value(), newest);
  CHECK_FALSE(refused.shake());
  CHECK(refused.server.error == "handshake: unsupported protocol");
  TlsPair high(Context::client(client).value(), newest);
  CHECK(high.shake());
  CHECK(high.client.version() == name(Version::tls_1_3));
  TlsPair low(Context::client(client).value(), older);
  CHECK(low.shake());
  CHECK(low.client.version() == name(Version::tls_1_2));
}

TEST_CASE("a client that wants to renegotiate is told no, and the connection goes on") {
  const TlsSite site;
  ClientOptions client = site.client();
  client.protocol.max_version = Version::tls_1_2;
  TlsPair pair(Context::client(client).value(), Context::server(site.server()).value());
  SSL_clear_options(pair.client.ssl.get(), SSL_OP_NO_RENEGOTIATION);
  REQUIRE(pair.shake());
  REQUIRE(SSL_renegotiate(pair.client.ssl.get()) == 1);
  SSL_do_handshake(pair.client.ssl.get());
  CHECK(pair.server.read().empty());
  CHECK(SSL_num_renegotiations(pair.server.ssl.get()) == 0);
  CHECK(pair.client.read().empty());
  CHECK(pair.client.error == "reading: no renegotiation");
}

TEST_CASE("sessions are resumed by tickets, over and over") {
  Sites sites;
  bool asked = false;
  sites.options.on_unknown_name = [&](std::string_view) -> std::optional<Certificate> {
    asked = true;
    return {};
  };
  const Context server = Context::server(sites.options).value();
  for (const char* host : {"localhost", "www.example.org", "unknown.example"}) {
    for (const Version version : versions) {
      const Context client = Sites::careless(version);
      TlsPair first(client, server, host);
      REQUIRE(first.shake());
      CHECK_FALSE(first.server.has_resumed());
      asked = false;
      for (int i = 0; i < 3; ++i) {
        TlsPair again(client, server, host);
        REQUIRE(again.shake());
        CHECK(again.server.has_resumed());
        CHECK(again.client.has_resumed());
        CHECK(std::string(SSL_get_servername(again.server.ssl.get(), TLSEXT_NAMETYPE_host_name)) == host);
      }
      CHECK_FALSE(asked);
    }
  }
}

TEST_CASE("without tickets no session is resumed") {
  const TlsSite site;
  ServerOptions options = site.server();
  options.tickets = false;
  const Context server = Context::server(options).value();
  for (const Version version : versions) {
    const Context client = Sites::careless(version);
    for (int i = 0; i < 2; ++i) {
      TlsPair pair(client, server);
      REQUIRE(pair.shake());
      CHECK_FALSE(pair.server.has_resumed());
    }
  }
}

TEST_CASE("a ticket of one server is resumed by another that has the key, and by none that has not") {
  const TlsSite site;
  ServerOptions options = site.server();
  options.ticket_keys = {TicketKey::random().value()};
  const Context here = Context::server(options).value();
  const Context there = Context::server(options).value();
  const Context stranger = Context::server(site.server()).value();
  for (const Version version : versions) {
    const Context client = Sites::careless(version);
    TlsPair first(client, here);
    REQUIRE(first.shake());
    TlsPair second(client, there);
    REQUIRE(second.shake());
    CHECK(second.server.has_resumed());
    TlsPair third(client, stranger);
    REQUIRE(third.shake());
    CHECK_FALSE(third.server.has_resumed());
  }
}

TEST_CASE("after a rotation the older key still resumes, and gives a ticket of the newer") {
  const TlsSite site;
  const TicketKey older = TicketKey::random().value();
  const TicketKey newer = TicketKey::random().value();
  for (const Version version : versions) {
    ServerOptions options = site.server();
    options.ticket_keys = {older};
    Context server = Context::server(options).value();
    const Context client = Sites::careless(version);
    TlsPair first(client, server);
    REQUIRE(first.shake());
    CHECK(key_of_ticket(first.client) == older.name);
    REQUIRE(server.set_ticket_keys(std::vector{newer, older}));
    TlsPair second(client, server);
    REQUIRE(second.shake());
    CHECK(second.server.has_resumed());
    CHECK(key_of_ticket(second.client) == newer.name);
    REQUIRE(server.set_ticket_keys(std::vector{TicketKey::random().value()}));
    TlsPair third(client, server);
    REQUIRE(third.shake());
    CHECK_FALSE(third.server.has_resumed());
  }
}

TEST_CASE("tickets outlast a reload") {
  const TlsSite site;
  Context server = Context::server(site.server()).value();
  const Context client = Sites::careless();
  TlsPair first(client, server);
  REQUIRE(first.shake());
  REQUIRE(server.reload());
  TlsPair second(client, server);
  REQUIRE(second.shake());
  CHECK(second.server.has_resumed());
}

TEST_CASE("a server's wrong options are errors that name them") {
  Sites sites;
  CHECK(server_error({}) == "certificate: neither a file nor a text is given");

  ServerOptions options = sites.options;
  options.more_certificates.push_back(source_of(self_signed()));
  CHECK(server_error(options) == "more_certificates[2]: is for no name, neither by itself nor by `names`");
  options.more_certificates[2].private_key = "hello";
  CHECK(server_error(options) == "more_certificates[2]: private key: is not PEM");

  options = sites.server();
  options.ticket_lifetime = std::chrono::seconds(0);
  CHECK(server_error(options) == "ticket_lifetime is not 1 second to 7 days");
  options.ticket_lifetime = std::chrono::hours(24 * 8);
  CHECK(server_error(options) == "ticket_lifetime is not 1 second to 7 days");

  options = sites.server();
  options.ticket_keys = {TicketKey{}, TicketKey{}};
  CHECK(server_error(options) == "ticket keys: two have the same name");
  options.tickets = false;
  CHECK(server_error(options) == "ticket_keys are given, but tickets are off");

  options = sites.server();
  options.protocol.alpn = {""};
  CHECK(server_error(options).starts_with("alpn: "));
  options.protocol = {.ciphers = "NONSENSE"};
  CHECK(server_error(options).starts_with("ciphers: "));
}

TEST_CASE("a certificate that is too weak is found before it is served, whichever it is") {
  Sites sites;
  const Issued weak = sites.root.issue({.dns_names = {"weak.example"}, .key = KeyKind::weak_rsa});
  ServerOptions options = sites.server();
  options.more_certificates = {source_of(weak)};
  CHECK(server_error(options) == "certificate: ee key too small");
  options = {.certificate = weak.certificate, .private_key = weak.private_key};
  CHECK(server_error(options) == "certificate: ee key too small");
}
