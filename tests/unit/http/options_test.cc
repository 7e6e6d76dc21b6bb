#include <doctest/doctest.h>
#include <support/web.h>

using namespace tidewire;
using namespace tidewire::testing;

TEST_CASE("the server's bounds are those of its options") {
  Site site({.max_head_bytes = 300, .max_target_bytes = 50, .max_header_fields = 3, .max_body_bytes = 4});
  site.server->post("/", [](const http::Request&, http::Response& response) { response.send("taken"); });
  const auto answer = [&](const std::string& text) {
    Recorder& client = site.connect();
    client.write(text);
    site.until([&] { return client.received.size() > 12; });
    return client.received.substr(9, 3);
  };
  CHECK(answer("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nfour") == "200");
  CHECK(answer("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nfives") == "413");
  CHECK(answer("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfives\r\n0\r\n\r\n") == "413");
  CHECK(answer(get("/" + std::string(60, 'x'))) == "414");
  CHECK(answer(get("/", "X: " + std::string(300, 'x') + "\r\n")) == "431");
  CHECK(answer(get("/", "A: 1\r\nB: 2\r\nC: 3\r\n")) == "431");
}
