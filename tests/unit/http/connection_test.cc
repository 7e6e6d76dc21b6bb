#include <doctest/doctest.h>
#include <support/openssl_peer.h>
#include <support/streams.h>
#include <support/web.h>
#include <tidewire/http/connection.h>
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>

using namespace tidewire;
using namespace tidewire::testing;
using namespace std::chrono_literals;
using http::Deferred;
using http::Request;
using http::Response;

TEST_SUITE_BEGIN("http connection");

TEST_CASE("pipelined requests are answered in order, deferred answers included") {
  Site site;
  std::vector<Deferred> waiting;
  int now = 0;
  site.server->get("/later", [&](const Request&, Response& response) { waiting.push_back(response.defer()); });
  site.server->get("/now", [&](const Request&, Response& response) { ++now, response.send("now"); });
  Recorder& client = site.connect();
  client.write(get("/later") + get("/now") + get("/later") + get("/now"));
  site.until([&] { return waiting.size() == 1; });
  settle(site.loop);
  CHECK(now == 0);
  waiting.at(0).send("first");
  site.until([&] { return waiting.size() == 2; });
  CHECK(now == 1);
  waiting.at(1).send("second");
  site.until([&] { return count_of(client.received, "now") == 2; });
  CHECK(client.received.find("first") < client.received.find("now"));
  CHECK(client.received.find("now") < client.received.find("second"));
}

TEST_CASE("whole answers of any size arrive whole, and in order") {
  Site site;
  std::string sent;
  site.server->get("/:size", [&](const Request& request, Response& response) {
    response.send(std::string(std::stoul(std::string(request.param("size"))), 'x'));
  });
  Recorder& client = site.connect();
  std::size_t bodies = 0;
  for (const std::size_t size : {0U, 1U, 100U, 3700U, 3800U, 3900U, 4000U, 4096U, 5000U, 70000U, 2U}) {
    sent += get("/" + std::to_string(size));
    bodies += size;
  }
  client.write(sent + get("/none"));
  site.until_received(client, "500 Internal");
  CHECK(count_of(client.received, "200 OK") == 11);
  std::size_t position = 0;
  for (const std::size_t size : {0U, 1U, 100U, 3700U, 3800U, 3900U, 4000U, 4096U, 5000U, 70000U, 2U}) {
    CAPTURE(size);
    const std::string length = "Content-Length: " + std::to_string(size) + "\r\n";
    position = client.received.find(length, position);
    REQUIRE(position != std::string::npos);
    const std::string body = std::string(size, 'x');
    CHECK(client.received.compare(client.received.find("\r\n\r\n", position) + 4, size, body) == 0);
  }
  CHECK(count_of(client.received, "x") >= bodies);
}

TEST_CASE("a request without a body does not show the body of the one before") {
  Site site;
  std::vector<std::string> bodies;
  const auto note = [&](const Request& request, Response& response) {
    bodies.emplace_back(request.body_text());
    response.send();
  };
  site.server->post("/", note).get("/", note);
  Recorder& client = site.connect();
  client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + get("/"));
  client.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" + get("/"));
  site.until([&] { return bodies.size() == 4; });
  CHECK(bodies == std::vector<std::string>{"hello", "", "abc", ""});
}

TEST_CASE("a handler may destroy the server before it answers, and what it sends is closed") {
  Site site;
  std::optional<SendStatus> status;
  site.server->get("/", [&](const Request&, Response& response) {
    site.server.reset();
    const Deferred later = response.defer();
    status = response.send("gone");
    later.send("gone");
  });
  Recorder& client = site.connect();
  client.write(get("/"));
  site.until_over(client);
  CHECK(status == SendStatus::closed);
  CHECK(client.received.empty());
}

TEST_CASE("a handler may destroy the server after it answered") {
  Site site;
  site.server->get("/", [&](const Request&, Response& response) {
    response.send("x");
    site.server.reset();
  });
  Recorder& client = site.connect();
  client.write(get("/") + get("/"));
  site.until_over(client);
}

TEST_CASE("a deferred answer, a drain callback and a close callback may destroy the server") {
  Site site;
  std::optional<Deferred> later;
  SUBCASE("deferred answer") {
    site.server->get("/", [&](const Request&, Response& response) { later = response.defer(); });
    Recorder& client = site.connect();
    client.write(get("/"));
    site.until([&] { return later.has_value(); });
    later->run([&](Response&) { site.server.reset(); });
    site.until_over(client);
  }
  SUBCASE("drain callback") {
    site.server->get("/", [&](const Request&, Response& response) {
      response.on_drain([&](Response&) { site.server.reset(); });
      CHECK(response.write(std::string(300'000, 'x')) == SendStatus::queued);
    });
    Recorder& client = site.connect();
    client.write(get("/"));
    site.until_over(client);
  }
  SUBCASE("close callback, after the client has gone") {
    site.server->get("/", [&](const Request&, Response& response) {
      later = response.defer();
      response.on_close([&] { site.server.reset(); });
      response.write("begun");
    });
    // Closing with bytes unread is a reset.
    Recorder& client = site.connect({}, false);
    client.write(get("/"));
    site.until([&] { return later.has_value(); });
    settle(site.loop);
    client.stream->close();
    site.until([&] { return site.server == nullptr; });
  }
  SUBCASE("close callback, because the server is destroyed") {
    bool told = false;
    site.server->get("/", [&](const Request&, Response& response) {
      later = response.defer();
      response.on_close([&] { told = true; });
    });
    site.connect().write(get("/"));
    site.until([&] { return later.has_value(); });
    site.server.reset();
    CHECK(told);
  }
  if (later) CHECK(later->run([](Response&) { FAIL("answered after the end"); }));
}

TEST_CASE("the close callback does not come from within a call on the response") {
  Site site({.max_backpressure_bytes = 100'000});
  bool writing = false;
  bool gone = false;
  site.server->get("/", [&](const Request&, Response& response) {
    response.on_close([&] {
      CHECK_FALSE(writing);
      gone = true;
    });
    writing = true;
    CHECK(response.write(std::string(1'000'000, 'x')) == SendStatus::closed);
    CHECK(response.write("more") == SendStatus::closed);
    CHECK(response.end() == SendStatus::closed);
    writing = false;
    CHECK_FALSE(gone);
  });
  site.connect().write(get("/"));
  site.until([&] { return gone; });
}

TEST_CASE("the close callback never runs within a call of the application's, however that ends the connection") {
  const std::vector<std::pair<const char*, std::function<void(Response&)>>> ways = {
      {"a write cuts off a slow client",
       [](Response& answer) { CHECK(answer.write(std::string(1'000'000, 'x')) == SendStatus::closed); }},
      {"more than was announced",
       [](Response& answer) { CHECK(answer.write(std::string(3'000'000, 'x')) == SendStatus::closed); }},
      {"less than was announced", [](Response& answer) { CHECK(answer.end() == SendStatus::closed); }},
      {"an exception", [](Response&) { throw std::runtime_error("deliberate"); }},
  };
  for (const auto& [name, way] : ways) {
    const auto title = name;
    CAPTURE(title);
    Site site({.max_backpressure_bytes = 100'000});
    std::map<int, Deferred> streams;
    bool calling = false;
    int gone = 0;
    site.server->get("/", [&](const Request&, Response& response) {
      response.content_length(2'000'000).write("begun");
      response.on_close([&] {
        CHECK_FALSE(calling);
        ++gone;
        streams.clear();
      });
      streams.emplace(1, response.defer());
    });
    site.connect().write(get("/"));
    site.until([&] { return streams.size() == 1; });
    calling = true;
    // As an application does that sends to all: nothing may be erased under the loop.
    for (const auto& [id, stream] : streams) CHECK(stream.run(way));
    calling = false;
    CHECK(gone == 0);
    site.until([&] { return gone == 1; });
    settle(site.loop);
    CHECK(gone == 1);
  }
}

TEST_CASE("a second promise holds when the first was dropped") {
  Site site;
  std::optional<Deferred> later;
  site.server->get("/", [&](const Request&, Response& response) {
    { const Deferred dropped = response.defer(); }
    later = response.defer();
  });
  Recorder& client = site.connect();
  client.write(get("/"));
  site.until([&] { return later.has_value(); });
  settle(site.loop);
  CHECK(client.received.empty());
  later->send("kept");
  site.until_received(client, "kept");
}

TEST_CASE("a promise that was dropped becomes a 500, and the connection goes on") {
  Site site;
  site.server->get("/", [](const Request&, Response& response) { (void)response.defer(); });
  site.server->get("/next", [](const Request&, Response& response) { response.send("next"); });
  Recorder& client = site.connect();
  // In pieces, so that the request stood in a buffer that is gone by then.
  const std::string request = get("/");
  client.write(request.substr(0, 10));
  settle(site.loop);
  client.write(request.substr(10));
  site.until_received(client, "HTTP/1.1 500 ");
  client.write(get("/next"));
  site.until_received(client, "next");
}

TEST_CASE("an answer that comes when the client has gone does nothing") {
  Site site;
  std::optional<Deferred> later;
  site.server->get("/", [&](const Request&, Response& response) { later = response.defer(); });
  Recorder& client = site.connect();
  client.write(get("/"));
  site.until([&] { return later.has_value(); });
  client.write(get("/"));
  settle(site.loop);
  client.stream->close();
  site.until([&] { return client.closes == 1; });
  later->send("late");
  settle(site.loop);
  site.server.reset();
  CHECK(later->send("later still"));
}

TEST_CASE("what a handler throws becomes a 500, unless its answer stood already") {
  Site site;
  site.server->get("/throw", [](const Request&, Response& response) {
    response.header("X-Secret", "half");
    throw std::runtime_error("broken");
  });
  site.server->get("/after", [](const Request&, Response& response) {
    response.send("whole");
    throw 1;
  });
  site.server->get("/during", [](const Request&, Response& response) {
    response.write("half");
    throw 1;
  });
  Recorder& client = site.connect();
  client.write(get("/throw"));
  site.until_received(client, "500 Internal Server Error\n");
  CHECK(count_of(client.received, "X-Secret") == 0);
  CHECK(site.logged("broken"));
  client.write(get("/after"));
  site.until_received(client, "whole");
  client.write(get("/during"));
  site.until_over(client);
  CHECK(count_of(client.received, "0\r\n\r\n") == 0);
}

TEST_CASE("a handler that neither answers nor promises to becomes a 500") {
  Site site;
  site.server->get("/", [](const Request&, Response&) {});
  Recorder& client = site.connect();
  client.write(get("/") + get("/"));
  site.until([&] { return count_of(client.received, "HTTP/1.1 500 ") == 2; });
}

TEST_CASE("an exception in a deferred answer inside the handler becomes a 500 at once") {
  Site site;
  std::optional<Deferred> later;
  site.server->get("/", [&](const Request&, Response& response) {
    later = response.defer();
    later->run([](Response&) { throw std::runtime_error("broken"); });
  });
  Recorder& client = site.connect();
  client.write(get("/"));
  site.until_received(client, "HTTP/1.1 500 ");
}

TEST_CASE("HEAD gets the head of GET without its body, also in pieces") {
  Site site;
  site.server->get("/whole", [](const Request&, Response& response) { response.send("body"); });
  site.server->get("/pieces", [](const Request&, Response& response) {
    // A handler that writes until it is told to hold back must come to an end.
    while (response.write("body") == SendStatus::sent) {
    }
    response.end();
  });
  site.server->get("/length", [](const Request&, Response& response) {
    response.content_length(4).write("body");
    response.end();
  });
  Recorder& client = site.connect();
  for (const char* path : {"/whole", "/pieces", "/length"}) {
    client.write("HEAD " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  site.until([&] { return count_of(client.received, "\r\n\r\n") == 3; });
  settle(site.loop);
  CHECK(count_of(client.received, "body") == 0);
  CHECK(count_of(client.received, "Content-Length: 4\r\n") == 2);
  CHECK(count_of(client.received, "0\r\n\r\n") == 0);
}

TEST_CASE("HTTP/1.0 gets no chunks, and its connection ends with the answer") {
  Site site;
  site.server->get("/", [](const Request&, Response& response) {
    response.write("one,");
    response.write("two");
    response.end();
  });
  Recorder& client = site.connect();
  client.write("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  site.until_over(client);
  CHECK(client.received.ends_with("\r\n\r\none,two"));
  CHECK(count_of(client.received, "chunked") == 0);
  CHECK(count_of(client.received, "Connection: close\r\n") == 1);
}

TEST_CASE("100 (Continue) is sent to whom waits for it, and not to a body that is too large or unwanted") {
  Site site({.max_body_bytes = 10});
  site.server->post("/", [](const Request& request, Response& response) { response.send(request.body_text()); });
  const auto post = [](std::string_view path, int length) {
    return "POST " + std::string(path) +
           " HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n";
  };
  Recorder& waits = site.connect();
  waits.write(post("/", 5));
  site.until_received(waits, "HTTP/1.1 100 Continue\r\n\r\n");
  waits.write("hello");
  site.until_received(waits, "hello");
  Recorder& large = site.connect();
  large.write(post("/", 11));
  site.until_over(large);
  CHECK(large.received.starts_with("HTTP/1.1 413 "));
  Recorder& unwanted = site.connect();
  unwanted.write(post("/nowhere", 5));
  site.until_over(unwanted);
  CHECK(unwanted.received.starts_with("HTTP/1.1 404 "));
}

TEST_CASE("an answer that breaks the length it announced closes the connection") {
  Site site;
  site.server->get("/less", [](const Request&, Response& response) {
    response.content_length(5).write("four");
    CHECK(response.end() == SendStatus::closed);
  });
  site.server->get("/more", [](const Request&, Response& response) {
    CHECK(response.content_length(3).write("four") == SendStatus::closed);
  });
  for (const char* path : {"/less", "/more"}) {
    Recorder& client = site.connect();
    client.write(get(path));
    site.until_over(client);
    CHECK(site.logged("the length it announced"));
    site.log.clear();
  }
}

TEST_CASE("an answer in pieces that nobody can end closes the connection") {
  Site site;
  site.server->get("/", [](const Request&, Response& response) { response.write("begun"); });
  Recorder& client = site.connect();
  client.write(get("/"));
  site.until_over(client);
  CHECK(site.logged("kept no way to end it"));
}

TEST_CASE("an answer in pieces goes on as the client takes it, within the bounds") {
  Site site;
  int pieces = 0;
  const auto more = [&pieces](Response& response) {
    while (++pieces <= 100) {
      if (response.write(std::string(20'000, static_cast<char>('a' + pieces % 26))) == SendStatus::queued) return;
    }
    response.end();
  };
  site.server->get("/", [&](const Request&, Response& response) {
    response.on_drain(more);
    more(response);
  });
  Recorder& client = site.connect();
  client.write(get("/"));
  site.until([&] { return client.received.ends_with("0\r\n\r\n"); });
  CHECK(client.received.size() > 100U * 20'000);
}

TEST_CASE("an empty answer that is begun behind a full queue is ended all the same") {
  Site site;
  site.server->get("/big", [](const Request&, Response& response) {
    response.on_drain([](Response&) {});
    CHECK(response.write(std::string(300'000, 'x')) == SendStatus::queued);
    CHECK(response.end() == SendStatus::queued);
  });
  site.server->get("/whole", [](const Request&, Response& response) { response.send(std::string(300'000, 'y')); });
  site.server->get("/empty", [](const Request&, Response& response) { response.end(); });
  Recorder& client = site.connect();
  client.write(get("/big") + get("/whole") + get("/empty"));
  site.until([&] { return count_of(client.received, "0\r\n\r\n") == 2 && client.received.ends_with("0\r\n\r\n"); });
}

TEST_CASE("a client that ends behind its requests still gets all answers") {
  Site site;
  site.server->get("/big", [](const Request&, Response& response) { response.send(std::string(100'000, 'x')); });
  Recorder& client = site.connect();
  std::string requests;
  for (int count = 0; count < 10; ++count) requests += get("/big");
  client.write(requests);
  client.stream->end();
  site.until_over(client);
  CHECK(count_of(client.received, "HTTP/1.1 200 ") == 10);
  CHECK(client.received.size() > 1'000'000);
}

TEST_CASE("a client that waits for nothing is bounded in what it may send ahead") {
  Site site;
  std::optional<Deferred> later;
  site.server->get("/", [&](const Request&, Response& response) { later = response.defer(); });
  Recorder& client = site.connect();
  client.write(get("/"));
  client.write(std::string(10'000'000, 'x'));
  site.until([&] { return later.has_value(); });
  settle(site.loop, 200);
  CHECK(client.stream->queued_bytes() > 9'000'000);
}

namespace {

/// How much of what the client wrote its server has taken and keeps: all but what waits on the client's side, and on
/// the way, which has room for `capacity`.
std::size_t kept_bytes(const Recorder& client, std::size_t written, std::size_t capacity) {
  REQUIRE(written > client.stream->queued_bytes() + capacity);
  return written - client.stream->queued_bytes() - capacity;
}

}  // namespace

TEST_CASE("requests that wait are kept up to max_head_bytes, however they came and whatever they wait for") {
  constexpr std::size_t capacity = 512 * 1024;
  const transport::MemoryStreamOptions roomy{.capacity_bytes = capacity, .chunk_bytes = capacity};
  std::string many;
  while (many.size() < 4'000'000) many += get("/");
  const std::string body(100'000, 'b');
  const std::vector<std::pair<const char*, std::string>> beginnings = {
      {"behind an answer that is pending", get("/later")},
      {"behind an answer that the client does not take", get("/big")},
      {"behind a body", "POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + body},
      {"behind chunks", "POST /later HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"},
  };
  for (const auto& [name, beginning] : beginnings) {
    const auto title = name;
    CAPTURE(title);
    std::vector<Deferred> waiting;
    Site site;
    const auto wait = [&](const Request&, Response& response) { waiting.push_back(response.defer()); };
    site.server->get("/later", wait).post("/later", wait);
    site.server->get("/big", [](const Request&, Response& response) { response.send(std::string(2'000'000, 'x')); });
    site.server->get("/", [](const Request&, Response& response) { response.send(); });
    const std::string all = beginning + many;
    const std::size_t head_bytes = http::ServerOptions().max_head_bytes;

    Recorder& client = site.connect(roomy, false);
    client.write(all);
    settle(site.loop, 200);
    CHECK(kept_bytes(client, all.size() - beginning.size(), capacity) <= head_bytes + 1);

    // A record more is with OpenSSL, and as much again undecrypted.
    Recorder& over_tls = site.add(encrypted(transport::memory_pair(site.loop, roomy)), false);
    over_tls.write(all);
    settle(site.loop, 200);
    CHECK(kept_bytes(over_tls, all.size() - beginning.size(), capacity) <= 4 * head_bytes);
  }
}

TEST_CASE("a refused field makes a 500, also in front of another protocol") {
  Site site;
  site.server->get("/", [](const Request&, Response& response) {
    response.header("X-Evil", "a\r\nSet-Cookie: b");
    CHECK(response.send("text") == SendStatus::dropped);
  });
  site.server->upgrade("other", "/other", [](const Request&, Response& response) {
    response.header("X-Evil", "a\nb");
    response.switch_protocols("other", [](transport::StreamPtr, transport::Sessions&) -> http::Successor* {
      FAIL("switched");
      return nullptr;
    });
  });
  Recorder& client = site.connect();
  client.write(get("/") + get("/other", "Upgrade: other\r\nConnection: upgrade\r\n"));
  site.until([&] { return count_of(client.received, "HTTP/1.1 500 ") == 2; });
  CHECK(count_of(client.received, "Set-Cookie") == 0);
  CHECK(count_of(client.received, "HTTP/1.1 101") == 0);
}

TEST_CASE("a client that sends nothing is closed without a word, one that stops within a head gets 408") {
  Site site({.head_timeout = 100ms});
  Recorder& silent = site.connect();
  Recorder& slow = site.connect();
  slow.write("GET / HT");
  site.until_over(silent);
  site.until_over(slow);
  CHECK(silent.received.empty());
  CHECK(slow.received.starts_with("HTTP/1.1 408 "));
}

TEST_CASE("a connection that is idle for too long is closed") {
  Site site({.keep_alive_timeout = 100ms});
  site.server->get("/", [](const Request&, Response& response) { response.send("x"); });
  Recorder& client = site.connect();
  client.write(get("/"));
  site.until_over(client);
  CHECK(count_of(client.received, "HTTP/1.1 200 ") == 1);
}

TEST_CASE("a body that trickles gets 408") {
  Site site({.rate_window = 100ms});
  site.server->post("/", [](const Request&, Response& response) { response.send("x"); });
  Recorder& client = site.connect();
  client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc");
  site.until_over(client);
  CHECK(client.received.starts_with("HTTP/1.1 408 "));
}

TEST_CASE("a client that takes nothing of its answer is cut off, and nobody else notices") {
  Site site({.keep_alive_timeout = 100ms, .rate_window = 100ms});
  bool gone = false;
  site.server->get("/big", [&](const Request&, Response& response) {
    response.on_close([&] { gone = true; });
    response.on_drain([](Response&) {});
    response.write(std::string(500'000, 'x'));
  });
  site.server->get("/", [](const Request&, Response& response) { response.send("other"); });
  Recorder& stuck = site.connect({}, false);
  stuck.write(get("/big"));
  site.until([&] { return gone; });
  Recorder& other = site.connect();
  other.write(get("/"));
  site.until_received(other, "other");
}

TEST_CASE("a client that takes nothing is cut off, though what it asks of TLS adds to what waits for it") {
  Site site({.rate_window = 100ms});
  bool gone = false;
  std::optional<Deferred> later;
  std::optional<OpensslPeer> client;
  site.server->get("/", [&](const Request&, Response& response) {
    client->wire.stream->pause();
    response.on_close([&] { gone = true; });
    response.write(std::string(300'000, 'x'));
    later = response.defer();
  });
  auto [near, far] = connect_memory(site.loop);
  site.server->serve(tls::accept(server_context(), std::move(far)));
  client.emplace(std::move(near));
  site.until([&] { return client->established(); });
  client->write(get("/"));
  site.until([&] { return later.has_value(); });
  // Each asks for an answer of 27 bytes, and what follows it is data of the next request's.
  const Timer timer = Timer::every(site.loop, 10ms, [&] {
    client->renew_keys();
    client->write("G");
  });
  site.until([&] { return gone; });
}

OVER_STREAMS("a client that takes nothing of a whole answer is reset, whatever comes after the answer", tcp, memory,
             tls_over_tcp, tls_over_memory) {
  Site site({.keep_alive_timeout = 1h, .rate_window = 100ms, .linger_timeout = 50ms});
  site.server->get("/", [](const Request&, Response& response) { response.send(std::string(16 << 20, 'x')); });
  Recorder& client = site.connect_by(kind);
  client.data = [&](std::string_view) { client.stream->pause(); };
  SUBCASE("nothing") { client.write(get("/")); }
  SUBCASE("another request") { client.write(get("/") + get("/")); }
  SUBCASE("the end") { client.write(get("/", "Connection: close\r\n")); }
  site.until([&] { return client.failures.size() == 1; });
  site.until_empty();
}

TEST_CASE("pieces that are added do not put off the end of a client that takes nothing") {
  Site site({.keep_alive_timeout = 1h, .rate_window = 200ms});
  bool gone = false;
  std::optional<Deferred> later;
  site.server->get("/", [&](const Request&, Response& response) {
    response.on_close([&] { gone = true; });
    response.write(std::string(300'000, 'x'));
    later = response.defer();
  });
  Recorder& stuck = site.connect({}, false);
  stuck.write(get("/"));
  const Timer timer = Timer::every(site.loop, 10ms, [&] {
    if (later && !gone) later->run([](Response& response) { response.write("x"); });
  });
  site.until([&] { return gone; });
}

TEST_CASE("a slow client is not cut while it takes enough") {
  Site site({.min_bytes_per_second = 1000, .rate_window = 100ms});
  site.server->get("/", [](const Request&, Response& response) { response.send(std::string(1'000'000, 'x')); });
  // Less is taken at once than an answer has, and more every turn.
  Recorder& client = site.connect({.capacity_bytes = 1000, .chunk_bytes = 1000});
  client.write(get("/"));
  site.until([&] { return client.received.size() > 1'000'000; });
  CHECK(client.failures.empty());
}

TEST_CASE("what comes after the last answer is dropped up to a bound") {
  Site site({.linger_timeout = 1h, .max_linger_bytes = 100'000});
  Recorder& client = site.connect();
  client.write("NONSENSE\r\n\r\n");
  site.until_over(client);
  CHECK(client.received.starts_with("HTTP/1.1 400 "));
  client.write(std::string(200'000, 'x'));
  site.until_empty();
}

// Clients that leave while an answer is pending

namespace {

/// A client that waits for its answer, and what it has sent ahead.
struct Pending {
  const char* name;
  std::size_t ahead_bytes;
};
constexpr std::array pendings{Pending{"read from", 0}, Pending{"paused, with requests that wait", 50'000}};

}  // namespace

OVER_STREAMS("a client that ends its side while an answer is pending is noticed, and gets the answer", tcp, unix_socket,
             memory, tls_over_tcp, tls_over_memory) {
  for (const Pending& pending : pendings) {
    CAPTURE(pending.name);
    Site site;
    std::optional<Deferred> later;
    int ends = 0;
    bool gone = false;
    site.server->get("/", [&](const Request&, Response& response) {
      CHECK_FALSE(response.peer_ended());
      response.on_close([&] { gone = true; });
      response.on_peer_end([&](Response& answer) {
        CHECK(answer.peer_ended());
        ++ends;
      });
      later = response.defer();
    });
    Recorder& client = site.connect_by(kind);
    client.write(get("/") + std::string(pending.ahead_bytes, 'x'));
    site.until([&] { return later.has_value(); });
    settle(site.loop);
    CHECK(ends == 0);
    client.stream->end();
    site.until([&] { return ends == 1; });
    settle(site.loop);
    CHECK(ends == 1);
    later->send("the answer");
    site.until_received(client, "the answer");
    site.until_over(client);
    CHECK(client.failures.empty());
    CHECK_FALSE(gone);
  }
}

TEST_CASE("a handler that asks for the client's end after it has come hears of it in a later turn") {
  Site site;
  std::optional<Deferred> later;
  site.server->get("/", [&](const Request&, Response& response) { later = response.defer(); });
  Recorder& client = site.connect();
  client.write(get("/"));
  client.stream->end();
  site.until([&] { return later.has_value(); });
  settle(site.loop);
  bool asking = true;
  later->run([&](Response& response) {
    CHECK(response.peer_ended());
    response.on_peer_end([&](Response& answer) {
      CHECK_FALSE(asking);
      answer.send("the end");
    });
  });
  asking = false;
  site.until_received(client, "the end");
}

OVER_STREAMS("a client that resets the connection while an answer is pending is noticed", tcp, unix_socket, memory,
             tls_over_tcp, tls_over_memory) {
  for (const Pending& pending : pendings) {
    CAPTURE(pending.name);
    Site site;
    std::optional<Deferred> later;
    bool gone = false;
    site.server->get("/first", [](const Request&, Response& response) { response.send("first"); });
    site.server->get("/", [&](const Request&, Response& response) {
      response.on_close([&] { gone = true; });
      later = response.defer();
    });
    // It closes with the first answer unread.
    Recorder& client = site.connect_by(kind, false);
    client.write(get("/first") + get("/") + std::string(pending.ahead_bytes, 'x'));
    site.until([&] { return later.has_value(); });
    settle(site.loop);
    CHECK_FALSE(gone);
    client.stream->close();
    site.until([&] { return gone; });
    site.until_empty();
  }
}

TEST_CASE("an answer in pieces ends with its client, unless the handler sees to that") {
  for (const Pending& pending : pendings) {
    CAPTURE(pending.name);
    for (const std::string_view way : {"begun before the end", "begun after the end", "seen to"}) {
      CAPTURE(way);
      Site site;
      std::optional<Deferred> later;
      bool ended = false;
      bool gone = false;
      site.server->get("/", [&](const Request&, Response& response) {
        response.on_close([&] { gone = true; });
        if (way == "seen to") response.on_peer_end([&](Response&) { ended = true; });
        if (way != "begun after the end") response.write("one ");
        later = response.defer();
      });
      Recorder& client = site.connect();
      client.write(get("/") + std::string(pending.ahead_bytes, 'x'));
      site.until([&] { return later.has_value(); });
      client.stream->end();
      settle(site.loop);
      later->run([](Response& response) { response.write("two"); });
      if (way != "seen to") {
        site.until([&] { return gone; });
        continue;
      }
      site.until_received(client, "two");
      CHECK(ended);
      CHECK_FALSE(gone);
      later->run([](Response& response) { response.end(); });
      site.until_over(client);
      CHECK(client.received.find("0\r\n\r\n") != std::string::npos);
    }
  }
}

TEST_CASE("after the last answer what the client still sends is dropped, and the connection ends") {
  Site site({.linger_timeout = 100ms});
  Recorder& client = site.connect();
  client.write("NONSENSE\r\n\r\n" + std::string(200'000, 'x'));
  site.until_over(client);
  CHECK(client.received.starts_with("HTTP/1.1 400 "));
  CHECK(count_of(client.received, "HTTP/1.1 ") == 1);
  site.until_empty();
}

TEST_CASE("nothing behind a broken request is handled") {
  Site site;
  int handled = 0;
  site.server->get("/", [&](const Request&, Response& response) { ++handled, response.send("x"); });
  Recorder& client = site.connect();
  client.write(get("/") + "GET / HTTP/1.1\r\nHost : a\r\n\r\n" + get("/"));
  site.until_over(client);
  CHECK(handled == 1);
  CHECK(count_of(client.received, "HTTP/1.1 400 ") == 1);
}

TEST_SUITE_END();
