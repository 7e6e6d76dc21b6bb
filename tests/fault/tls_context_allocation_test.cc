#include <doctest/doctest.h>
#include <support/allocations.h>
#include <support/tls_handshake.h>
#include <new>
#include <optional>
#include <string>
#include <vector>

using namespace tidewire;
using namespace tidewire::testing;
using namespace tidewire::tls;

namespace {

/// A server that allocates in each of its callbacks, where names don't fit into a string's own memory.
struct Site : TlsSite {
  Site() {
    late = Certificate::load(source(root.issue({.common_name = "late"}))).value();
    ServerOptions options = this->server_options();
    server = Context::server(options).value();
    resuming = Context::client({.dangerously_accept_any_certificate = true}).value();
    forgetful = Context::client({.dangerously_accept_any_certificate = true, .max_sessions = 0}).value();
  }
  static CertificateSource source(const Issued& issued) {
    return {.certificate = issued.certificate, .private_key = issued.private_key};
  }
  ServerOptions server_options() {
    ServerOptions options = TlsSite::server();
    options.more_certificates = {source(root.issue({.dns_names = {"www.a-rather-long-name.example"}}))};
    options.on_unknown_name = [this](std::string_view) { return late; };
    return options;
  }
  /// Whether whole handshakes succeed, one that may resume and one that can't.
  [[nodiscard]] bool shakes(const std::string& host) const {
    TlsPair short_one(*resuming, *server, host);
    TlsPair full_one(*forgetful, *server, host);
    return short_one.shake() && full_one.shake();
  }

  std::optional<Certificate> late;
  std::optional<Context> server;
  std::optional<Context> resuming;
  std::optional<Context> forgetful;
};

}  // namespace

TEST_CASE("a handshake in which an allocation fails fails alone") {
  const Site site;
  for (const std::string host : {"www.a-rather-long-name.example", "another-rather-long-name.example"}) {
    REQUIRE(site.shakes(host));
    for (std::size_t number = 1;; ++number) {
      CAPTURE(number);
      bool shook = false;
      Allocations::fail(number, false);
      try {
        shook = site.shakes(host);
      } catch (const std::exception&) {
        // The test's own strings, or a connection that couldn't be made.
      }
      const bool failed = Allocations::failed;
      Allocations::work();
      REQUIRE((shook || failed));
      REQUIRE(site.shakes(host));
      if (!failed) break;
    }
  }
}

TEST_CASE("a reload in which an allocation fails changes nothing") {
  Site site;
  for (std::size_t number = 1;; ++number) {
    CAPTURE(number);
    Allocations::fail(number, false);
    bool reloaded = false;
    try {
      reloaded = site.server->reload().has_value();
    } catch (const std::bad_alloc&) {
      // It is for the application, which asked for it, to know.
    }
    const bool failed = Allocations::failed;
    Allocations::work();
    REQUIRE((reloaded || failed));
    REQUIRE(site.shakes("www.a-rather-long-name.example"));
    if (!failed) break;
  }
}
