#include <doctest/doctest.h>
#include <support/tls_handshake.h>
#include <tidewire/tls/context_state.h>
#include <memory>
#include <string>

using namespace tidewire;
using namespace tidewire::testing;
using namespace tidewire::tls;

TEST_CASE("a context makes connections of its own role alone") {
  const TlsSite site;
  const Context server = Context::server(site.server()).value();
  const Context client = Context::client(site.client()).value();
  CHECK(server.state().is_server());
  CHECK_FALSE(client.state().is_server());
  CHECK(SSL_is_server(server.state().new_server_connection().value().get()) == 1);
  CHECK(SSL_is_server(client.state().new_client_connection("localhost", 443).value().get()) == 0);

  const auto wrong = server.state().new_client_connection("localhost", 443);
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().code == Errc::invalid_argument);
  CHECK(wrong.error().detail == "this TLS context is a server's");
  CHECK(client.state().new_server_connection().error().detail == "this TLS context is a client's");
}

TEST_CASE("a connection outlives its context, and the reload of it") {
  const TlsSite site;
  auto server = std::make_unique<Context>(Context::server(site.server()).value());
  auto client = std::make_unique<Context>(Context::client(site.client()).value());
  TlsPair pair(*client, *server);
  REQUIRE(server->reload());
  REQUIRE(client->reload());
  server.reset();
  client.reset();
  CHECK(pair.shake());
}

TEST_CASE("what is attached to a context goes with it") {
  struct Witness {
    explicit Witness(bool& flag) : gone(flag) {}
    ~Witness() { gone = true; }
    Witness(const Witness&) = delete;
    Witness& operator=(const Witness&) = delete;
    bool& gone;
  };
  bool gone = false;
  SslCtxPtr context(SSL_CTX_new(TLS_server_method()));
  REQUIRE(AttachedTo<Witness>::attach(context.get(), std::make_unique<Witness>(gone)));
  SslPtr ssl(SSL_new(context.get()));
  CHECK(&AttachedTo<Witness>::of(ssl.get()).gone == &gone);
  context.reset();
  CHECK_FALSE(gone);
  ssl.reset();
  CHECK(gone);
}
