#include <doctest/doctest.h>
#include <support/web.h>
#include <tidewire/http/response.h>

using namespace tidewire;
using namespace tidewire::testing;
using http::Request;
using http::Response;
using http::Status;

TEST_CASE("fields are set, added and refused one by one") {
  Site site;
  site.server->get("/", [](const Request&, Response& response) {
    response.header("X-A", "first").header("x-a", "second").add_header("X-B", "1").add_header("X-B", "2");
    CHECK_FALSE(response.try_header("X-C", "a\r\nb").has_value());
    CHECK(response.try_header("X-D", "fine").has_value());
    CHECK_FALSE(response.started());
    CHECK(response.send(Status::created, "text") == SendStatus::sent);
    CHECK(response.finished());
    CHECK(response.send("again") == SendStatus::closed);
  });
  Recorder& client = site.connect();
  client.write(get("/"));
  site.until_received(client, "\r\n\r\ntext");
  CHECK(client.received.starts_with("HTTP/1.1 201 "));
  CHECK(count_of(client.received, "first") == 0);
  CHECK(count_of(client.received, "second") == 1);
  CHECK(count_of(client.received, "X-B: ") == 2);
  CHECK(count_of(client.received, "X-C") == 0);
  CHECK(count_of(client.received, "text/plain; charset=utf-8") == 1);
}

TEST_CASE("statuses without content are sent without, and an informational one is no answer") {
  Site site;
  site.server->get("/204", [](const Request&, Response& response) { response.send(Status::no_content, "text"); });
  site.server->get("/304", [](const Request&, Response& response) { response.send(Status::not_modified, "text"); });
  site.server->get("/100", [](const Request&, Response& response) { response.send(Status::switching_protocols); });
  Recorder& client = site.connect();
  client.write(get("/204") + get("/304") + get("/100"));
  site.until_received(client, "HTTP/1.1 500 ");
  CHECK(count_of(client.received, "text") == 0);
  CHECK(count_of(client.received, "Content-Length") == 1);
}
