#include <doctest/doctest.h>
#include <support/tls_handshake.h>
#include <tidewire/tls/context.h>
#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

using namespace tidewire;
using namespace tidewire::testing;
using namespace tidewire::tls;

namespace {

/// A server whose certificate stands in files, to be replaced.
struct Replaceable {
  TemporaryFolder folder;
  Authority root{"Root"};
  Context server = made();

  Context made() {
    write("one");
    return Context::server({.certificate_file = folder.path("cert.pem"), .private_key_file = folder.path("key.pem")})
        .value();
  }
  void write(const std::string& name, Days ends = Days(20)) {
    const Issued issued = root.issue({.common_name = name, .dns_names = {"localhost"}, .ends = ends});
    folder.file("cert.pem", issued.certificate);
    folder.file("key.pem", issued.private_key);
  }
  [[nodiscard]] std::string served() const {
    // A client of its own: one that resumed would see no certificate.
    TlsPair pair(Context::client({.ca = root.certificate()}).value(), server);
    return pair.shake() ? pair.client.peer() : "failed";
  }
};

}  // namespace

TEST_CASE("versions have names") {
  CHECK(name(Version::tls_1_2) == "TLSv1.2");
  CHECK(name(Version::tls_1_3) == "TLSv1.3");
}

TEST_CASE("a reload serves the new certificate to new connections, and the old one to those before") {
  Replaceable site;
  CHECK(site.served() == "one");
  TlsPair before(Context::client({.ca = site.root.certificate()}).value(), site.server);
  site.write("two");
  CHECK(site.served() == "one");
  REQUIRE(site.server.reload());
  CHECK(site.served() == "two");
  CHECK(before.shake());
  CHECK(before.client.peer() == "one");
}

TEST_CASE("a reload that fails changes nothing, and says what is wrong") {
  Replaceable site;
  const auto fails = [&] {
    const auto reloaded = site.server.reload();
    REQUIRE_FALSE(reloaded);
    CHECK(site.served() == "one");
    return reloaded.error().detail;
  };
  const std::string cert = site.folder.path("cert.pem");
  site.folder.file("cert.pem", "half a certif");
  CHECK(fails() == cert + ": is not PEM");
  site.write("old", Days(0));
  CHECK(fails().starts_with(cert + ": the certificate of CN=old expired on "));
  site.write("two");
  site.folder.file("key.pem", self_signed().private_key);
  CHECK(fails() == site.folder.path("key.pem") + ": is not the key of " + cert);
  std::filesystem::remove(cert);
  CHECK(fails() == cert + ": No such file or directory");
  site.write("two");
  CHECK(site.server.reload());
  CHECK(site.served() == "two");
}

TEST_CASE("copies are the same context") {
  Replaceable site;
  Context copy = site.server;
  site.write("two");
  REQUIRE(copy.reload());
  CHECK(site.served() == "two");
}

TEST_CASE("a context expires with the first of its certificates") {
  Replaceable site;
  const auto now = std::chrono::system_clock::now();
  CHECK(site.server.expires().value() > now + Days(19));
  CHECK(site.server.expires().value() < now + Days(21));
  site.write("two", Days(5));
  REQUIRE(site.server.reload());
  CHECK(site.server.expires().value() < now + Days(6));

  ServerOptions options = TlsSite().server();
  const Issued sooner = site.root.issue({.dns_names = {"sooner.example"}, .ends = Days(3)});
  options.more_certificates = {{.certificate = sooner.certificate, .private_key = sooner.private_key}};
  CHECK(Context::server(options).value().expires().value() < now + Days(4));
}

TEST_CASE("a context has the warnings of all its certificates, and of the last reload") {
  const Authority root("Root");
  const Authority crossed("Crossed", root, Days(-2));
  const Issued leaf = crossed.issue({.dns_names = {"localhost"}});
  const TemporaryFolder folder;
  ServerOptions options{.certificate_file = folder.file("cert.pem", leaf.certificate + crossed.certificate()),
                        .private_key_file = folder.file("key.pem", leaf.private_key)};
  options.more_certificates = {
      {.certificate = leaf.certificate + crossed.certificate(), .private_key = leaf.private_key}};
  Context context = Context::server(options).value();
  CHECK(context.warnings().size() == 2);
  folder.file("cert.pem", leaf.certificate);
  REQUIRE(context.reload());
  CHECK(context.warnings().size() == 1);
}

TEST_CASE("a client's context expires with its certificate, if it has one") {
  CHECK_FALSE(Context::client().value().expires());
  const Issued own = self_signed({.ends = Days(3)});
  const Context client = Context::client({.certificate = own.certificate, .private_key = own.private_key}).value();
  CHECK(client.expires().value() < std::chrono::system_clock::now() + Days(4));
}

TEST_CASE("ticket keys are a server's, and one that has tickets") {
  const TlsSite site;
  const std::vector keys = {TicketKey::random().value()};
  Context server = Context::server(site.server()).value();
  CHECK(server.set_ticket_keys(keys));
  CHECK(server.set_ticket_keys({}).error().code == Errc::invalid_argument);
  CHECK(Context::client().value().set_ticket_keys(keys).error().code == Errc::invalid_argument);
  ServerOptions options = site.server();
  options.tickets = false;
  CHECK(Context::server(options).value().set_ticket_keys(keys).error().code == Errc::invalid_argument);
}

TEST_SUITE("threaded") {
  TEST_CASE("handshakes go on in several threads while contexts are reloaded and keys rotated") {
    Replaceable site;
    Context client = Context::client({.ca = site.root.certificate()}).value();
    std::atomic<bool> stop = false;
    std::atomic<int> good = 0;
    std::atomic<int> bad = 0;
    const auto connect = [&] {
      while (!stop) {
        TlsPair pair(client, site.server);
        (pair.shake() ? good : bad) += 1;
      }
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) threads.emplace_back(connect);
    TicketKey last = TicketKey::random().value();
    for (int i = 0; i < 20 || good < 60; ++i) {
      site.write(std::to_string(i));
      CHECK(site.server.reload());
      if (i % 4 == 0) CHECK(client.reload());
      const TicketKey next = TicketKey::random().value();
      CHECK(site.server.set_ticket_keys(std::vector{next, last}));
      last = next;
      CHECK(site.server.expires());
    }
    stop = true;
    for (std::thread& thread : threads) thread.join();
    CHECK(bad == 0);
  }
}
