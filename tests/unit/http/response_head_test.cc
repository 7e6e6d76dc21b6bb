#include <doctest/doctest.h>
#include <tidewire/http/response_head.h>
#include <string>

using namespace tidewire;
using namespace tidewire::http;

namespace {

const DateText date(784111777);
const std::string server_and_date = "Server: tidewire\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

std::string written(const ResponseHead& head, Framing framing, ConnectionOption option = ConnectionOption::implied) {
  Buffer out;
  head.write(out, date, framing, option);
  return std::string(as_text(out.view()));
}

}  // namespace

TEST_CASE("a head has its status, server, date, framing and fields") {
  ResponseHead head;
  REQUIRE(head.fields().set("Content-Type", "text/plain"));
  CHECK(written(head, {Framing::Kind::length, 13}) ==
        "HTTP/1.1 200 OK\r\n" + server_and_date + "Content-Length: 13\r\nContent-Type: text/plain\r\n\r\n");
}

TEST_CASE("last lines stand behind the fields") {
  ResponseHead head;
  REQUIRE(head.fields().set("X", "y"));
  Buffer out;
  head.write(out, date, {Framing::Kind::length, 13}, ConnectionOption::close, "Z: 1\r\n");
  CHECK(as_text(out.view()) ==
        "HTTP/1.1 200 OK\r\n" + server_and_date + "Connection: close\r\nContent-Length: 13\r\nX: y\r\nZ: 1\r\n\r\n");
  CHECK(out.size() <= head.max_size() + 6);
}

TEST_CASE("an empty body has the length 0") {
  CHECK(written({}, {Framing::Kind::length, 0}) ==
        "HTTP/1.1 200 OK\r\n" + server_and_date + "Content-Length: 0\r\n\r\n");
}

TEST_CASE("a chunked body is announced") {
  CHECK(written({}, {Framing::Kind::chunked}) ==
        "HTTP/1.1 200 OK\r\n" + server_and_date + "Transfer-Encoding: chunked\r\n\r\n");
}

TEST_CASE("a body until close has no framing field") {
  CHECK(written({}, {Framing::Kind::until_close}, ConnectionOption::close) ==
        "HTTP/1.1 200 OK\r\n" + server_and_date + "Connection: close\r\n\r\n");
}

TEST_CASE("statuses without content get no framing field whatever is asked for") {
  for (const Status status : {Status::switching_protocols, Status::no_content, Status::not_modified}) {
    ResponseHead head;
    head.set_status(status);
    CHECK(written(head, {Framing::Kind::length, 5}) == std::string(status_line(status)) + server_and_date + "\r\n");
    CHECK(written(head, {Framing::Kind::chunked}) == std::string(status_line(status)) + server_and_date + "\r\n");
  }
}

TEST_CASE("the connection option is written") {
  CHECK(written({}, {}, ConnectionOption::keep_alive).find("\r\nConnection: keep-alive\r\n") != std::string::npos);
  CHECK(written({}, {}, ConnectionOption::upgrade).find("\r\nConnection: upgrade\r\n") != std::string::npos);
  CHECK(written({}, {}).find("Connection") == std::string::npos);
}

TEST_CASE("a code without a phrase keeps the space in front of it") {
  ResponseHead head;
  head.set_status(static_cast<Status>(299));
  CHECK(written(head, {}).substr(0, 15) == "HTTP/1.1 299 \r\n");
}

TEST_CASE("a code out of range is an error of ours") {
  for (const int code : {0, 99, 1000, 65535}) {
    ResponseHead head;
    head.set_status(static_cast<Status>(code));
    CHECK(written(head, {}).substr(0, 13) == "HTTP/1.1 500 ");
  }
}

TEST_CASE("the application's own Date and Server stand in the place of ours") {
  ResponseHead head;
  REQUIRE(head.fields().set("Server", "mine"));
  REQUIRE(head.fields().set("Date", "then"));
  CHECK(written(head, {}) == "HTTP/1.1 200 OK\r\nServer: mine\r\nDate: then\r\n\r\n");
}

TEST_CASE("the longest of everything fits") {
  ResponseHead head;
  head.set_status(Status::network_authentication_required);
  const std::string value(100'000, 'x');
  REQUIRE(head.fields().set("X", value));
  const std::string text = written(head, {Framing::Kind::length, UINT64_MAX}, ConnectionOption::keep_alive);
  CHECK(text == "HTTP/1.1 511 Network Authentication Required\r\n" + server_and_date +
                    "Connection: keep-alive\r\nContent-Length: 18446744073709551615\r\nX: " + value + "\r\n\r\n");
}

TEST_CASE("heads are appended behind each other") {
  Buffer out;
  ResponseHead head;
  head.write(out, date, {});
  const std::size_t first = out.size();
  head.write(out, date, {});
  CHECK(out.size() == 2 * first);
}

TEST_CASE("a cleared head is as new") {
  ResponseHead head;
  head.set_status(Status::not_found);
  REQUIRE(head.fields().set("Server", "mine"));
  head.clear();
  CHECK(written(head, {}) == written(ResponseHead(), {}));
}
