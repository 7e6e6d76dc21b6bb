#include <doctest/doctest.h>
#include <support/web.h>
#include <tidewire/http/served_names.h>

using namespace tidewire;
using namespace tidewire::testing;
using http::ServedNames;

namespace {

bool served(const std::vector<std::string>& names, std::string_view host, bool secure = false) {
  return ServedNames::parse(names).value().contain(host, secure);
}

std::string request_for(std::string_view host, std::string_view fields = {}) {
  return "GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n" + std::string(fields) + "\r\n";
}

}  // namespace

TEST_SUITE_BEGIN("http served names");

TEST_CASE("a name is compared whole, without case and without the dot of the root") {
  for (const std::string_view host : {"example.org", "EXAMPLE.org", "example.org.", "example.org:80", "example.org:"}) {
    CAPTURE(host);
    CHECK(served({"example.org"}, host));
    CHECK(served({"Example.ORG."}, host));
  }
  for (const std::string_view host : {"", "example.com", "www.example.org", "xexample.org", "example.org.evil",
                                      "example.org..", ".example.org", "example", "org", "ex%61mple.org"}) {
    CAPTURE(host);
    CHECK_FALSE(served({"example.org"}, host));
  }
  CHECK_FALSE(served({"example.org"}, std::string(300, 'a')));
  CHECK_FALSE(served({"a.example"}, std::string(254, 'a') + ".example"));
}

TEST_CASE("a wildcard stands for one label") {
  CHECK(served({"*.example.org"}, "www.example.org"));
  CHECK(served({"*.example.org"}, "WWW.Example.org.:8080"));
  for (const std::string_view host : {"example.org", "a.b.example.org", ".example.org", "wwwexample.org", "*"}) {
    CAPTURE(host);
    CHECK_FALSE(served({"*.example.org"}, host));
  }
  CHECK(served({"b.example", "*.example", "a.example:1"}, "a.example:2"));
}

TEST_CASE("a name without a port is served on every port, one with a port on that alone") {
  CHECK(served({"example.org"}, "example.org:8080"));
  CHECK(served({"example.org:8080"}, "example.org:8080"));
  CHECK_FALSE(served({"example.org:8080"}, "example.org:8081"));
  CHECK_FALSE(served({"example.org:8080"}, "example.org"));
  CHECK(served({"example.org:80"}, "example.org"));
  CHECK_FALSE(served({"example.org:80"}, "example.org", true));
  CHECK(served({"example.org:443"}, "example.org", true));
  CHECK(served({"*.example.org:81", "*.example.org:82"}, "a.example.org:82"));
}

TEST_CASE("addresses are names, IPv6 in any spelling") {
  CHECK(served({"127.0.0.1"}, "127.0.0.1:9001"));
  CHECK_FALSE(served({"127.0.0.1"}, "127.0.0.2"));
  CHECK_FALSE(served({"127.0.0.1"}, "127.1"));
  CHECK(served({"[::1]"}, "[::1]:9001"));
  CHECK(served({"[0:0::1]:9001"}, "[0:0:0:0:0:0:0:1]:9001"));
  CHECK(served({"[2001:DB8::a]"}, "[2001:db8::A]"));
  CHECK_FALSE(served({"[::1]"}, "[::2]"));
  CHECK_FALSE(served({"*.0.0.1"}, "[::1]"));
  CHECK_FALSE(served({"[::ffff:127.0.0.1]"}, "127.0.0.1"));
}

TEST_CASE("a malformed name is a configuration error that names it") {
  for (const std::string_view text : {"",
                                      "*",
                                      "*.",
                                      "*.*.example",
                                      "a.*.example",
                                      "ex*mple",
                                      "http://example.org",
                                      "a b",
                                      ".a",
                                      "a..b",
                                      "example.org/",
                                      "example.org:x",
                                      "example.org:",
                                      "example.org:65536",
                                      "user@example.org",
                                      "*.[::1]",
                                      "::1",
                                      "[::1",
                                      "caf\xc3\xa9.example",
                                      "a,b"}) {
    const std::string name(text);
    CAPTURE(name);
    Site site({.served_names = {name}});
    const auto listening = site.server->listen("127.0.0.1:0");
    REQUIRE_FALSE(listening);
    CHECK(listening.error().code == Errc::invalid_configuration);
    CHECK(listening.error().detail.find("\"" + name + "\"") != std::string::npos);
  }
}

TEST_CASE("a request for a name that is not served gets 421, whatever it asks for, and no handler runs") {
  Site site({.served_names = {"example.org", "127.0.0.1"}});
  int handled = 0;
  site.server->get("/", [&](const http::Request&, http::Response& response) { ++handled, response.send("ok"); });
  for (const std::string& request :
       {request_for("evil.example"), request_for("example.org", "X: 1\r\n").insert(4, "http://evil.example"),
        std::string("GET / HTTP/1.0\r\n\r\n"), std::string("OPTIONS * HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
        std::string("GET /none HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 3\r\n\r\nabc")}) {
    CAPTURE(request);
    Recorder& client = site.connect();
    client.write(request + request_for("example.org"));
    site.until_over(client);
    CHECK(client.received.starts_with("HTTP/1.1 421 Misdirected Request\r\n"));
    CHECK(client.received.find("Connection: close\r\n") != std::string::npos);
    CHECK(count_of(client.received, "HTTP/1.1 ") == 1);
  }
  CHECK(handled == 0);
  Recorder& client = site.connect();
  client.write(request_for("example.org") + request_for("127.0.0.1:9001") + request_for("evil.example"));
  site.until_over(client);
  CHECK(count_of(client.received, "HTTP/1.1 200 ") == 2);
  CHECK(count_of(client.received, "HTTP/1.1 421 ") == 1);
  CHECK(handled == 2);
}

TEST_CASE("a HEAD request that is refused gets no body") {
  Site site({.served_names = {"example.org"}});
  Recorder& client = site.connect();
  client.write("HEAD / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  site.until_over(client);
  CHECK(client.received.starts_with("HTTP/1.1 421 "));
  CHECK(client.received.ends_with("\r\n\r\n"));
}

TEST_CASE("a page of another name that resolves here opens no WebSocket, though its origin is its host") {
  for (const bool knows_its_names : {false, true}) {
    Script script;
    Site site({.served_names = knows_its_names ? std::vector<std::string>{"a"} : std::vector<std::string>{}});
    websocket::route<Scripted>(*site.server, "/", script);
    std::string rebound = upgrade("/", "Origin: http://evil.example\r\n");
    rebound.replace(rebound.find("Host: a"), 7, "Host: evil.example");
    Recorder& stranger = site.connect();
    stranger.write(rebound);
    site.until([&] { return stranger.received.find("\r\n\r\n") != std::string::npos; });
    CHECK(stranger.received.starts_with(knows_its_names ? "HTTP/1.1 421 " : "HTTP/1.1 101 "));
    Recorder& own = site.connect();
    own.write(upgrade("/", "Origin: http://a\r\n"));
    await_upgrade(site, own);
  }
}

TEST_SUITE_END();
