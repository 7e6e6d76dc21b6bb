#include <doctest/doctest.h>
#include <support/web.h>

// The same conversations over every kind of stream: what a live connection does with what breaks the rules.

using namespace tidewire;
using namespace tidewire::testing;
using http::Request;
using http::Response;

namespace {

struct Service : Site {
  Service() {
    server->get("/", [this](const Request&, Response& response) { ++handled, response.send("index"); });
    server->post("/", [this](const Request& request, Response& response) {
      ++handled;
      response.write(request.body());
      response.end();
    });
  }
  int handled = 0;
};

std::string post(std::string_view fields, std::string_view body = {}) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

}  // namespace

OVER_STREAMS("a request that can be read in two ways is refused, and ends the connection unhandled", tcp, unix_socket,
             memory, tls_over_tcp, tls_over_memory) {
  Service service;
  Recorder& bystander = service.connect_by(kind);
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  const std::vector<std::string> broken = {
      get("/", "X : 1\r\n"),
      get("/", "X: 1\r\n folded\r\n"),
      get("/", "no colon\r\n"),
      get("/", "X: a\rb\r\n"),
      get("/", std::string("X: a\0b\r\n", 8)),
      "GET / HTTP/1.1\nHost: a\n\n",
      "GET / HTTP/1.1\r\n\r\n",
      get("/", "Host: b\r\n"),
      post("Content-Length: -1\r\n"),
      post("Content-Length: +5\r\n", "hello"),
      post("Content-Length: 5abc\r\n", "hello"),
      post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"),
      post("Content-Length: \r\n"),
      post("Content-Length: 99999999999999999999\r\n"),
      post("Content-Length: 5\r\n" + chunked, "0\r\n\r\n"),
      post("Transfer-Encoding: xchunked\r\n"),
      post("Transfer-Encoding: chunked, identity\r\n"),
      post(chunked, "g\r\n"),
      post(chunked, "\r\n"),
      post(chunked, "10000000000000005\r\nhello\r\n"),
      post(chunked, "5\r\nhelloX"),
      post(chunked, "0\r\nContent-Length: 5\r\n\r\n"),
      "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
  };
  for (const std::string& text : broken) {
    CAPTURE(text);
    Recorder& client = service.connect_by(kind);
    client.write(text + get("/"));
    service.until_over(client);
    CHECK(count_of(client.received, "Server: tidewire\r\n") == 1);
    CHECK(std::string("45").find(client.received.substr(9, 1)) != std::string::npos);
    CHECK(count_of(client.received, "Connection: close\r\n") == 1);
    client.stream->close();
  }
  CHECK(service.handled == 0);
  bystander.write(get("/"));
  service.until_received(bystander, "index");
}

TEST_CASE("bytes that arrive one by one, through a stream that takes one, get the same answers") {
  Service service;
  const std::string sent = get("/") + post("Content-Length: 5\r\n", "hello") +
                           post("Transfer-Encoding: chunked\r\n", "3;x=y\r\nabc\r\n0\r\n\r\n") +
                           get("/", "Connection: close\r\n");
  Recorder& slow = service.connect({.capacity_bytes = 1, .chunk_bytes = 1});
  slow.write(sent);
  service.until_over(slow);
  CHECK(service.handled == 4);
  CHECK(count_of(slow.received, "HTTP/1.1 200 OK\r\n") == 4);
  CHECK(count_of(slow.received, "5\r\nhello\r\n0\r\n\r\n") == 1);
  CHECK(count_of(slow.received, "3\r\nabc\r\n0\r\n\r\n") == 1);
  CHECK(slow.received.ends_with("index"));
}

TEST_CASE("a reset at every step of a conversation ends that connection alone") {
  Service service;
  const std::string sent = get("/") + post("Content-Length: 5\r\n", "hello") +
                           post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n") + get("/none");
  Recorder& bystander = service.connect();
  for (std::size_t step = 0; step < sent.size(); ++step) {
    Recorder& client = service.connect({.chunk_bytes = 7, .reset_after_bytes = step});
    client.write(sent);
    service.until_over(client);
    client.stream->close();
    service.until([&] { return service.server->open_connections().value() == 1; });
  }
  bystander.write(get("/"));
  service.until_received(bystander, "index");
}
