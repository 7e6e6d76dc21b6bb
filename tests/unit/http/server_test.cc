#include <doctest/doctest.h>
#include <support/descriptor.h>
#include <support/web.h>
#include <tidewire/http/server.h>

using namespace tidewire;
using namespace tidewire::testing;
using namespace std::chrono_literals;
using http::Request;
using http::Response;

namespace {

void answer(const Request&, Response& response) { response.send("x"); }

}  // namespace

TEST_CASE("a wrong pattern and a route that is there already make listen fail") {
  Loop loop;
  http::Server wrong(loop);
  wrong.get("no-slash", answer);
  CHECK_FALSE(wrong.listen("127.0.0.1:0").has_value());
  http::Server twice(loop);
  twice.get("/a", answer).get("/a", answer);
  CHECK_FALSE(twice.listen("127.0.0.1:0").has_value());
}

TEST_CASE("the first configuration error is the one that listen tells") {
  Loop loop;
  http::Server server(loop);
  server.fail_configuration(Error{Errc::invalid_configuration, "first"});
  server.fail_configuration(Error{Errc::invalid_configuration, "second"});
  const auto bound = server.listen("127.0.0.1:0");
  REQUIRE_FALSE(bound.has_value());
  CHECK(bound.error().detail == "first");
}

TEST_CASE("a server listens where it says, and refuses an address that is none") {
  Site site;
  site.server->get("/", answer);
  const auto bound = site.server->listen("127.0.0.1:0").value();
  CHECK_FALSE(site.server->listen("nonsense").has_value());
  const Descriptor client = connect_to(bound);
  client.send(get("/"));
  site.until([&] { return site.server->counters().requests.value() == 1; });
  CHECK(site.server->counters().connections.value() == 1);
  CHECK(site.server->open_connections().value() == 1);
}

TEST_CASE("404, 405, 426 and OPTIONS are answered without a handler") {
  Site site;
  site.server->get("/", answer);
  site.server->upgrade("other", "/up", answer);
  Recorder& client = site.connect();
  client.write(get("/none") + "POST / HTTP/1.1\r\nHost: a\r\n\r\nOPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n" +
               "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n" + get("/up"));
  site.until_received(client, "HTTP/1.1 426 ");
  CHECK(count_of(client.received, "HTTP/1.1 404 ") == 1);
  CHECK(count_of(client.received, "HTTP/1.1 405 ") == 1);
  CHECK(count_of(client.received, "HTTP/1.1 204 ") == 2);
  CHECK(count_of(client.received, "Allow: GET, HEAD") == 2);
  CHECK(count_of(client.received, "Upgrade: other\r\n") == 1);
}

TEST_CASE("a drain lets what is under way finish, closes what is idle, and then is done") {
  Site site;
  std::vector<http::Deferred> waiting;
  site.server->get("/", [&](const Request&, Response& response) { waiting.push_back(response.defer()); });
  Recorder& idle = site.connect();
  Recorder& busy = site.connect();
  busy.write(get("/"));
  site.until([&] { return waiting.size() == 1; });
  bool done = false;
  site.server->drain(60s, [&] { done = true; });
  site.until_over(idle);
  CHECK_FALSE(done);
  waiting.at(0).send("answered");
  site.until_over(busy);
  CHECK(count_of(busy.received, "Connection: close\r\n") == 1);
  CHECK(busy.received.ends_with("answered"));
  idle.stream->close();
  busy.stream->close();
  site.until([&] { return done; });
  Recorder& late = site.connect();
  site.until_over(late);
}

TEST_CASE("at the deadline of a drain those that are left are cut off") {
  Site site;
  std::vector<http::Deferred> waiting;
  site.server->get("/", [&](const Request&, Response& response) { waiting.push_back(response.defer()); });
  Recorder& busy = site.connect();
  busy.write(get("/"));
  site.until([&] { return waiting.size() == 1; });
  bool done = false;
  site.server->drain(50ms, [&] { done = true; });
  site.until([&] { return done; });
  site.until_over(busy);
  CHECK(busy.received.empty());
}

TEST_CASE("the end of a drain may destroy the server, and so may what its deadline cuts off") {
  Site site;
  std::vector<http::Deferred> waiting;
  SUBCASE("the end") {
    site.server->drain(60s, [&] { site.server.reset(); });
    site.until([&] { return site.server == nullptr; });
  }
  SUBCASE("what is cut off") {
    site.server->get("/", [&](const Request&, Response& response) {
      waiting.push_back(response.defer());
      response.on_close([&] { site.server.reset(); });
    });
    for (int count = 0; count < 3; ++count) site.connect().write(get("/"));
    site.until([&] { return waiting.size() == 3; });
    site.server->drain(50ms, [] { FAIL("the server has gone"); });
    site.until([&] { return site.server == nullptr; });
    settle(site.loop);
  }
}

TEST_CASE("a drain of a server that has drained is done at once") {
  Site site;
  int done = 0;
  site.server->drain(60s, [&] { ++done; });
  site.until([&] { return done == 1; });
  site.server->drain(60s, [&] { ++done; });
  site.until([&] { return done == 2; });
}

TEST_CASE("each of several drains has its function called, in order, at the earliest deadline") {
  Site site;
  std::vector<http::Deferred> waiting;
  site.server->get("/", [&](const Request&, Response& response) { waiting.push_back(response.defer()); });
  site.connect().write(get("/"));
  site.until([&] { return waiting.size() == 1; });
  std::string done;
  site.server->drain(60s, [&] { done += "first "; });
  site.server->drain(50ms, [&] { done += "second "; });
  site.server->drain(60s, nullptr);
  site.server->drain(60s, [&] {
    done += "third";
    site.server.reset();
  });
  site.server->drain(60s, [&] { done += " of a server that was destroyed"; });
  CHECK(done.empty());
  site.until([&] { return site.server == nullptr; });
  settle(site.loop);
  CHECK(done == "first second third");
}

TEST_CASE("a server that shuts down does not listen") {
  Site site;
  site.server->get("/", answer);
  REQUIRE(site.server->listen("127.0.0.1:0"));
  bool done = false;
  site.server->drain(60s, [&] { done = true; });
  for (int time = 0; time < 2; ++time) {
    const auto listening = site.server->listen("127.0.0.1:0");
    REQUIRE_FALSE(listening);
    CHECK(listening.error().code == Errc::closed);
    site.until([&] { return done; });
  }
}

TEST_CASE("an answer without an end of its own is told of a drain, in a later turn, and ends it") {
  Site site;
  std::vector<http::Deferred> waiting;
  bool draining = false;
  int told = 0;
  const auto open = [&](Response& response) {
    response.on_shutdown([&](Response& stream) {
      CHECK_FALSE(draining);
      ++told;
      stream.write("data: bye\n\n");
      stream.end();
    });
    waiting.push_back(response.defer());
  };
  site.server->get("/stream", [&](const Request&, Response& response) {
    response.write("data: hello\n\n");
    open(response);
  });
  site.server->get("/poll", [&](const Request&, Response& response) { open(response); });
  Recorder& stream = site.connect();
  Recorder& poll = site.connect();
  Recorder& late = site.connect();
  stream.write(get("/stream"));
  poll.write(get("/poll"));
  late.write("GET /poll HT");
  site.until([&] { return waiting.size() == 2; });
  settle(site.loop);
  bool done = false;
  draining = true;
  site.server->drain(60s, [&] { done = true; });
  draining = false;
  CHECK(told == 0);
  late.write("TP/1.1\r\nHost: a\r\n\r\n");
  for (Recorder* client : {&stream, &poll, &late}) {
    site.until_over(*client);
    CHECK(count_of(client->received, "data: bye") == 1);
    CHECK(client->received.ends_with("0\r\n\r\n"));
    client->stream->close();
  }
  CHECK(told == 3);
  site.until([&] { return done; });
}

TEST_CASE("an answer that is complete hears nothing of a drain") {
  Site site;
  int told = 0;
  site.server->get("/", [&](const Request&, Response& response) {
    response.on_shutdown([&](Response&) { ++told; });
    response.send("whole");
  });
  Recorder& client = site.connect();
  client.write(get("/"));
  site.until_received(client, "whole");
  bool done = false;
  site.server->drain(60s, [&] { done = true; });
  client.stream->end();
  site.until([&] { return done; });
  CHECK(told == 0);
}

TEST_CASE("a callback at the shutdown may destroy the server") {
  Site site;
  std::vector<http::Deferred> waiting;
  site.server->get("/", [&](const Request&, Response& response) {
    response.write("begun");
    response.on_shutdown([&](Response&) { site.server.reset(); });
    waiting.push_back(response.defer());
  });
  for (int count = 0; count < 3; ++count) site.connect().write(get("/"));
  site.until([&] { return waiting.size() == 3; });
  site.server->drain(60s, [] { FAIL("the server has gone"); });
  site.until([&] { return site.server == nullptr; });
  for (auto& client : site.clients) site.until_over(*client);
}

TEST_CASE("destroying a server with connections in every state closes them all") {
  Site site;
  std::vector<http::Deferred> waiting;
  site.server->get("/later", [&](const Request&, Response& response) { waiting.push_back(response.defer()); });
  site.server->post("/", answer);
  site.connect();
  site.connect().write("GET / HT");
  site.connect().write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc");
  site.connect().write(get("/later"));
  site.connect().write(get("/later", "Connection: close\r\n"));
  site.connect().write("BAD\r\n\r\n");
  site.until([&] { return waiting.size() == 2; });
  settle(site.loop);
  site.server.reset();
  for (auto& client : site.clients) site.until_over(*client);
}

namespace {

/// A client that connects to where a server listens, and speaks TLS.
Recorder& connect_by_tls(Site& site, const transport::Address& address) {
  Descriptor socket = connect_to(address);
  REQUIRE(::fcntl(socket.get(), F_SETFL, O_NONBLOCK) == 0);
  auto stream = tls::connect(client_context(), adopt(site.loop, std::move(socket)), "localhost", address.port());
  site.clients.push_back(std::make_unique<Recorder>(*std::move(stream)));
  return *site.clients.back();
}

}  // namespace

TEST_CASE("a server that listens with a TLS context serves https, and says so of its requests") {
  Site site;
  std::string seen;
  std::optional<http::OwnedRequest> kept;
  site.server->get("/", [&](const Request& request, Response& response) {
    seen = std::string(request.scheme()) + " " + std::string(request.encryption()->server_name());
    kept.emplace(request);
    response.send(request.encryption()->cipher());
  });
  const auto address = site.server->listen("127.0.0.1:0", server_context()).value();
  Recorder& client = connect_by_tls(site, address);
  client.write(get("/"));
  site.until_received(client, "TLS_AES_128_GCM_SHA256");
  CHECK(seen == "https localhost");
  CHECK(kept->get().scheme() == "https");
  CHECK(kept->get().encryption() == nullptr);
}

TEST_CASE("requests in the clear are http") {
  Site site;
  site.server->get("/", [&](const Request& request, Response& response) {
    CHECK(request.encryption() == nullptr);
    CHECK_FALSE(request.is_secure());
    response.send(request.scheme());
  });
  Recorder& client = site.connect();
  client.write(get("/"));
  site.until([&] { return client.received.ends_with("\r\n\r\nhttp"); });
}

TEST_CASE("who speaks HTTP to a TLS port is told so, and nobody else notices") {
  Site site;
  site.server->get("/", answer);
  const auto address = site.server->listen("127.0.0.1:0", server_context()).value();
  Recorder& bystander = connect_by_tls(site, address);
  site.until([&] { return tls::as_encrypted(*bystander.stream)->established(); });
  const Descriptor plain = connect_to(address);
  plain.send(get("/"));
  REQUIRE(::fcntl(plain.get(), F_SETFL, O_NONBLOCK) == 0);
  std::string received;
  bool ended = false;
  site.until([&] {
    char bytes[500];
    const ssize_t count = ::recv(plain.get(), bytes, sizeof bytes, 0);
    if (count > 0) received.append(bytes, static_cast<std::size_t>(count));
    ended |= count == 0;
    return ended;
  });
  CHECK(received.starts_with("HTTP/1.1 400 Bad Request\r\n"));
  CHECK(received.ends_with("https://\n"));
  CHECK(received.size() - received.find("\r\n\r\n") - 4 == 42);
  CHECK(site.logged("TLS handshake with 127.0.0.1:"));
  bystander.write(get("/"));
  site.until_received(bystander, "HTTP/1.1 200 ");
}

TEST_CASE("a client's TLS context can't serve") {
  Site site;
  const auto failed = site.server->listen("127.0.0.1:0", client_context());
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == Errc::invalid_configuration);
}

TEST_CASE("clients in the middle of a handshake hold up neither a drain nor a server's end") {
  for (const bool drains : {true, false}) {
    CAPTURE(drains);
    Site site;
    const auto address = site.server->listen("127.0.0.1:0", server_context()).value();
    std::vector<Descriptor> silent;
    for (int count = 0; count < 20; ++count) {
      silent.push_back(connect_to(address));
      if (count % 2 == 0) silent.back().send(std::string_view("\x16\x03\x01\x02\x00\x01", 6));
    }
    site.until([&] { return site.server->open_connections().value() == 20; });
    if (!drains) {
      site.server.reset();
      continue;
    }
    bool done = false;
    site.server->drain(60s, [&] { done = true; });
    site.until([&] { return done; });
  }
}
