#include <doctest/doctest.h>
#include <support/tls_handshake.h>
#include <tidewire/tls/server_context.h>
#include <tidewire/tls/session_terms.h>
#include <chrono>
#include <string>

using namespace tidewire;
using namespace tidewire::testing;
using namespace tidewire::tls;
using namespace std::chrono_literals;
using std::chrono::system_clock;

namespace {

constexpr Version versions[] = {Version::tls_1_2, Version::tls_1_3};

/// A server with a clock that a test sets, and clients that show certificates to it.
struct Timed : TlsSite {
  system_clock::time_point now = system_clock::now();
  Authority people{"People"};
  ServerOptions options = [this] {
    ServerOptions asking = server();
    asking.client_certificates = ClientCertificates::require;
    asking.client_ca = people.certificate();
    asking.ticket_lifetime = 7 * 24h;
    asking.max_session_lifetime = 100 * 24h;
    return asking;
  }();

  [[nodiscard]] std::shared_ptr<ContextState> serve() {
    return ServerContext::create(options, [this] { return now; }).value();
  }
  [[nodiscard]] Context client_until(Days ends, Version version) const {
    const Issued own = people.issue({.common_name = "alice", .ends = ends});
    ClientOptions client = TlsSite::client();
    client.certificate = own.certificate;
    client.private_key = own.private_key;
    client.protocol.max_version = version;
    return Context::client(client).value();
  }
  /// Whether a connection resumes; it must come to be in any case, and know its client.
  [[nodiscard]] static bool resumes(const Context& client, ContextState& server) {
    TlsPair pair(client.state().new_client_connection("localhost", 443).value(),
                 server.new_server_connection().value());
    REQUIRE(pair.shake());
    CHECK(pair.server.peer() == "alice");
    return pair.server.has_resumed();
  }
};

}  // namespace

TEST_CASE("a session is resumed until its client's certificate expires, and falls back to a full handshake then") {
  for (const Version version : versions) {
    Timed site;
    const auto server = site.serve();
    const Context client = site.client_until(Days(3), version);
    CHECK_FALSE(site.resumes(client, *server));
    // Each time TLS 1.3 gives a new ticket.
    for (int day = 0; day < 3; ++day) {
      CHECK(site.resumes(client, *server));
      site.now += 23h;
    }
    CHECK(site.resumes(client, *server));
    site.now += 4h;
    CHECK_FALSE(site.resumes(client, *server));
  }
}

TEST_CASE("the first certificate of the client's chain to expire ends a session, though its own does not") {
  Timed site;
  const auto server = site.serve();
  const Context client = site.client_until(Days(200), Version::tls_1_3);
  CHECK_FALSE(site.resumes(client, *server));
  // The root is good for 30 days.
  site.now += 29 * 24h;
  CHECK(site.resumes(client, *server));
  site.now += 2 * 24h;
  CHECK_FALSE(site.resumes(client, *server));
}

TEST_CASE("a session's whole life is bounded, which no renewal of its ticket moves") {
  for (const Version version : versions) {
    Timed site;
    site.options.ticket_lifetime = 2h;
    site.options.max_session_lifetime = 24h;
    const auto server = site.serve();
    const Context client = site.client_until(Days(20), version);
    for (int round = 0; round < 2; ++round) {
      CHECK_FALSE(site.resumes(client, *server));
      for (int hour = 0; hour < 23; ++hour) {
        site.now += 1h;
        CHECK(site.resumes(client, *server));
      }
      site.now += 1h;
    }
  }
}

TEST_CASE("no session is resumed after the next update of a revocation list, until there is a new one") {
  for (const Version version : versions) {
    Timed site;
    const TemporaryFolder folder;
    site.options.client_crl_file = folder.file("crl.pem", site.people.revocation_list({}, Days(5)));
    const auto server = site.serve();
    const Context client = site.client_until(Days(20), version);
    CHECK_FALSE(site.resumes(client, *server));
    site.now += 4 * 24h;
    CHECK(site.resumes(client, *server));
    site.now += 2 * 24h;
    CHECK_FALSE(site.resumes(client, *server));
    CHECK_FALSE(site.resumes(client, *server));
    folder.file("crl.pem", site.people.revocation_list({}, Days(10)));
    REQUIRE(server->reload());
    CHECK_FALSE(site.resumes(client, *server));
    CHECK(site.resumes(client, *server));
  }
}

TEST_CASE("a ticket's lifetime above a session's is a configuration error") {
  TlsSite site;
  ServerOptions options = site.server();
  options.ticket_lifetime = 2h;
  options.max_session_lifetime = 1h;
  CHECK(Context::server(options).error().detail == "ticket_lifetime is above max_session_lifetime");
  options.max_session_lifetime = 2h;
  CHECK(Context::server(options));
}

TEST_CASE("terms are those of the session's full handshake, and a session without any is not resumed") {
  const auto now = system_clock::time_point(std::chrono::seconds(2'000'000'000));
  const SslSessionPtr session(SSL_SESSION_new());
  CHECK_FALSE(may_resume(*session, now, 24h));
  const SslCtxPtr context(SSL_CTX_new(TLS_method()));
  const SslPtr ssl(SSL_new(context.get()));
  SessionTerms::add_to(*session, *ssl, now);
  CHECK(SessionTerms::in(*session)->began == now);
  CHECK(SessionTerms::in(*session)->trusted_until == system_clock::time_point::max());
  SessionTerms::add_to(*session, *ssl, now + 5h);
  CHECK(SessionTerms::in(*session)->began == now);
  CHECK(may_resume(*session, now + 24h - 1s, 24h));
  CHECK_FALSE(may_resume(*session, now + 24h, 24h));
  // A clock that was set back.
  CHECK(may_resume(*session, now - 1h, 24h));
}

TEST_CASE("what is not of the known form are no terms") {
  const SslSessionPtr session(SSL_SESSION_new());
  for (const std::string& other :
       {std::string(), std::string(16, '\1'), std::string(17, '\2'), std::string(18, '\1')}) {
    REQUIRE(SSL_SESSION_set1_ticket_appdata(session.get(), other.data(), other.size()) == 1);
    CHECK_FALSE(SessionTerms::in(*session));
  }
}
