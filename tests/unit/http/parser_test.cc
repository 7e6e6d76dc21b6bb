#include <doctest/doctest.h>
#include <tidewire/http/parser.h>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

using namespace tidewire::http;

namespace {

using Kind = Progress::Kind;

// A request head with the bytes that it views, in memory that ends where they end.
struct Parsed {
  Progress progress;
  std::unique_ptr<char[]> bytes;
  Request request;
};

Parsed parse(std::string_view text, const HeadLimits& limits = {}) {
  Parsed parsed;
  parsed.bytes = std::make_unique<char[]>(text.size());
  text.copy(parsed.bytes.get(), text.size());
  RequestParser parser(limits);
  parsed.progress = parser.parse({parsed.bytes.get(), text.size()}, parsed.request);
  return parsed;
}

// The status of a head with this line added, or of this one being complete: 0.
int status_of(std::string_view text, const HeadLimits& limits = {}) {
  const Parsed parsed = parse(text, limits);
  if (parsed.progress.kind == Kind::complete) return 0;
  return parsed.progress.kind == Kind::error ? code_of(parsed.progress.status) : -1;
}
int status_with(std::string_view line) {
  return status_of("POST / HTTP/1.1\r\nHost: a\r\n" + std::string(line) + "\r\n\r\n");
}

constexpr std::string_view simple = "GET /a?b HTTP/1.1\r\nHost: example.org\r\nX-Empty:\r\nX: \t v w \t\r\n\r\n";

}  // namespace

TEST_CASE("a request head is taken apart") {
  const Parsed parsed = parse(simple);
  REQUIRE(parsed.progress.kind == Kind::complete);
  CHECK(parsed.progress.consumed == simple.size());
  const Request& request = parsed.request;
  CHECK(request.method() == Method::get);
  CHECK(request.method_text() == "GET");
  CHECK(request.target() == "/a?b");
  CHECK(request.path() == "/a");
  CHECK(request.query() == "b");
  CHECK(request.minor_version() == 1);
  CHECK(request.host() == "example.org");
  CHECK(request.headers().size() == 3);
  CHECK(request.has_header("x-empty"));
  CHECK(request.header("x") == "v w");
  CHECK(request.framing().is_empty());
}

TEST_CASE("what follows a head is left alone") {
  const Parsed parsed = parse(std::string(simple) + "GET /next");
  CHECK(parsed.progress.kind == Kind::complete);
  CHECK(parsed.progress.consumed == simple.size());
}

TEST_CASE("every beginning of a head needs more") {
  for (std::size_t size = 0; size < simple.size(); ++size) {
    CAPTURE(size);
    CHECK(parse(simple.substr(0, size)).progress.kind == Kind::need_more);
  }
}

TEST_CASE("a head that moves while it arrives is read on") {
  RequestParser parser;
  Request request;
  std::unique_ptr<char[]> bytes;
  for (std::size_t size = 1; size <= simple.size(); ++size) {
    auto moved = std::make_unique<char[]>(size);
    std::memcpy(moved.get(), simple.data(), size);
    bytes = std::move(moved);
    const Progress progress = parser.parse({bytes.get(), size}, request);
    REQUIRE(progress.kind == (size == simple.size() ? Kind::complete : Kind::need_more));
    REQUIRE(parser.in_head() == (size != simple.size()));
  }
  CHECK(request.path() == "/a");
  CHECK(request.header("x") == "v w");
  CHECK(request.host() == "example.org");
}

TEST_CASE("a parser that completed a head is ready for the next") {
  RequestParser parser;
  Request request;
  const std::string first = "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\n";
  CHECK(parser.parse(first, request).kind == Kind::complete);
  CHECK(parser.parse(simple, request).kind == Kind::complete);
  CHECK(request.path() == "/a");
  CHECK(request.headers().size() == 3);
  CHECK(request.keep_alive());
  CHECK(request.framing().is_empty());
}

TEST_CASE("a request and its parser move to where the rest of the head arrives") {
  RequestParser parser;
  Request request;
  REQUIRE(parser.parse(simple.substr(0, 40), request).kind == Kind::need_more);
  RequestParser other_parser = parser;
  Request other_request = std::move(request);
  CHECK(other_parser.parse(simple, other_request).kind == Kind::complete);
  CHECK(other_request.header("x") == "v w");
}

TEST_CASE("a head that trickles in costs linear time") {
  // Read from the start of its line at each byte, 4 MiB would take hours.
  HeadLimits limits;
  limits.max_head_bytes = 8 << 20;
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(4 << 20, 'x') + "\r\n\r\n";
  RequestParser parser(limits);
  Request request;
  for (std::size_t size = 1; size < head.size(); ++size) {
    REQUIRE(parser.parse(std::string_view(head).substr(0, size), request).kind == Kind::need_more);
  }
  CHECK(parser.parse(head, request).kind == Kind::complete);
}

TEST_CASE("one empty line before a request is skipped, a second one is not") {
  CHECK(parse("\r\n" + std::string(simple)).progress.consumed == simple.size() + 2);
  CHECK(status_of("\r\n\r\n" + std::string(simple)) == 400);
  CHECK(status_of("\n" + std::string(simple)) == 400);
}

TEST_CASE("a first byte that begins no method is refused before its line ends") {
  CHECK(status_of("\x16\x03\x01") == 400);
  CHECK(status_of(std::string_view("\0", 1)) == 400);
  CHECK(status_of(" GET") == 400);
  CHECK(status_of("\r\n\x16") == 400);
}

TEST_CASE("a malformed request line is 400") {
  for (const std::string_view line :
       {"GET", "GET /", "GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET / HTTP/1.1 ", "GET\t/ HTTP/1.1", "GET / http/1.1",
        "GET / HTTP/1", "GET / HTTP/1.10", "GET / HTTP/11", "GET /a b HTTP/1.1", "G(T / HTTP/1.1", "GET / HTTP/1.1\r",
        "GET / HTTP/x.1", "GET /\x01 HTTP/1.1", "GET /\xc3\xa9 HTTP/1.1", "GET /# HTTP/1.1", "GET / ICY/1.1"}) {
    CAPTURE(line);
    CHECK(status_of(std::string(line) + "\r\nHost: a\r\n\r\n") == 400);
  }
}

TEST_CASE("an HTTP version other than 1.0 and 1.1 is 505") {
  CHECK(status_of("GET / HTTP/1.2\r\n\r\n") == 505);
  CHECK(status_of("GET / HTTP/0.9\r\n\r\n") == 505);
  CHECK(status_of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == 505);
}

TEST_CASE("lines end with CRLF and nothing less") {
  CHECK(status_of("GET / HTTP/1.1\nHost: a\r\n\r\n") == 400);
  CHECK(status_of("GET / HTTP/1.1\r\nHost: a\n\r\n") == 400);
  CHECK(status_of("GET / HTTP/1.1\r\nHost: a\r\n\n") == 400);
  CHECK(status_of("GET / HTTP/1.1\r\nHost: a\r\n\rX: y\r\n\r\n") == 400);
  CHECK(status_with("X: a\rb") == 400);
  CHECK(status_with("X: a\nY: b") == 400);
  CHECK(status_with("X: a\r") == 400);
}

TEST_CASE("control characters in a header are 400, a tab within a value is not") {
  for (int c = 0; c < 0x20; ++c) {
    if (c == '\t') continue;
    CAPTURE(c);
    CHECK(status_with("X: a long enough value" + std::string(1, static_cast<char>(c)) + "and more behind it") == 400);
    CHECK(status_with("X" + std::string(1, static_cast<char>(c)) + ": a") == 400);
  }
  CHECK(status_with("X: a\x7f") == 400);
  CHECK(status_with("X: a\tb") == 0);
  CHECK(status_with("X: caf\xc3\xa9") == 0);
}

TEST_CASE("malformed header lines are 400") {
  for (const std::string_view line : {"X : a", "X\t: a", " X: a", "\tfolded", "no colon", "nocolon", ": a", "X(: a",
                                      "caf\xc3\xa9: a", "X\"Y: a", "X: a\r\n folded"}) {
    CAPTURE(line);
    CHECK(status_with(line) == 400);
  }
}

TEST_CASE("Host must be there once, valid, in HTTP/1.1") {
  CHECK(status_of("GET / HTTP/1.1\r\n\r\n") == 400);
  CHECK(status_of("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n") == 400);
  CHECK(status_of("GET / HTTP/1.1\r\nHost:\r\n\r\n") == 400);
  CHECK(status_of("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n") == 400);
  CHECK(status_of("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n") == 400);
}

TEST_CASE("each Host is judged, whatever the one before it was") {
  const std::string longest(70, 'a');
  const std::vector<std::string> hosts = {
      "a",         "a",    "b",         "a b",     "b",       "",    "b",     "bb",    "b\xff",        "b/",    "[::1]",
      "[::1]:080", "[::1", "[::1]:080", "a:65536", "a:65535", "A.b", longest, longest, longest + " x", longest, "a"};
  RequestParser parser;
  detail::ValidHost valid_host;
  for (const std::string& host : hosts) {
    CAPTURE(host);
    CHECK(valid_host.admits(host) == is_host(host));
    const std::string text = "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
    Request request;
    const Progress progress = parser.parse(text, request);
    CHECK((progress.kind == Kind::complete) == is_host(host));
    if (progress.kind == Kind::complete) CHECK(request.host() == host);
    if (progress.kind == Kind::error) parser.reset();
  }
}

TEST_CASE("a plain target is the same as one that is looked at byte by byte") {
  for (const std::string_view target : {"/", "//", "/a", "/a/b-c_d/09/Z", "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/"}) {
    CAPTURE(target);
    const Parsed parsed = parse("GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n");
    REQUIRE(parsed.progress.kind == Kind::complete);
    CHECK(parsed.request.target_form() == TargetForm::origin);
    CHECK(parsed.request.path() == target);
    CHECK(parsed.request.query().empty());
    CHECK(parsed.request.host() == "a");
  }
  for (const std::string_view target : {"a", "a/b", "-", "_/", "//a/../b", "/a/.", "/%", "/a#b", "/a\x7f", "/a\x80"}) {
    CAPTURE(target);
    CHECK(status_of("GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  }
  CHECK(status_of("CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
}

TEST_CASE("GET is told from methods that begin or end like it") {
  for (const std::string_view method : {"GET", "GETS", "GE", "get", "GEt", "GET-"}) {
    CAPTURE(method);
    const Parsed parsed = parse(std::string(method) + " / HTTP/1.1\r\nHost: a\r\n\r\n");
    REQUIRE(parsed.progress.kind == Kind::complete);
    CHECK(parsed.request.method_text() == method);
    CHECK(parsed.request.method() == (method == "GET" ? Method::get : Method::other));
  }
  CHECK(status_of("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(status_of("GET  / HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
}

TEST_CASE("HTTP/1.0 needs no Host, and has a valid one if any") {
  CHECK(status_of("GET / HTTP/1.0\r\n\r\n") == 0);
  CHECK(parse("GET / HTTP/1.0\r\n\r\n").request.host().empty());
  CHECK(status_of("GET / HTTP/1.0\r\nHost: a b\r\n\r\n") == 400);
  CHECK(status_of("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n") == 400);
}

TEST_CASE("an absolute target replaces the Host field") {
  const Parsed parsed = parse("GET http://right.example:8080/a HTTP/1.1\r\nHost: wrong.example\r\nX: y\r\n\r\n");
  REQUIRE(parsed.progress.kind == Kind::complete);
  CHECK(parsed.request.host() == "right.example:8080");
  CHECK(parsed.request.header("host") == "right.example:8080");
  CHECK(parsed.request.header("x") == "y");
  CHECK(parsed.request.path() == "/a");
  CHECK(parsed.request.target_form() == TargetForm::absolute);
}

TEST_CASE("an absolute target does not excuse a missing Host") {
  CHECK(status_of("GET http://a/ HTTP/1.1\r\n\r\n") == 400);
  const Parsed old = parse("GET http://a/ HTTP/1.0\r\n\r\n");
  CHECK(old.request.host() == "a");
}

TEST_CASE("the asterisk and CONNECT are read as their forms") {
  CHECK(parse("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").request.target_form() == TargetForm::asterisk);
  const Parsed tunnel = parse("CONNECT a:443 HTTP/1.1\r\nHost: b\r\n\r\n");
  CHECK(tunnel.request.target_form() == TargetForm::authority);
  CHECK(tunnel.request.path().empty());
  CHECK(status_of("GET * HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
}

TEST_CASE("a path with a dot segment is 400") {
  CHECK(status_of("GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(status_of("GET /%2e%2e/b HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
}

TEST_CASE("Content-Length is digits that fit 63 bits") {
  const Parsed parsed = parse("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n");
  REQUIRE(parsed.progress.kind == Kind::complete);
  CHECK(parsed.request.framing().kind == Framing::Kind::length);
  CHECK(parsed.request.framing().length == 9223372036854775807U);
  CHECK(status_with("Content-Length: 0") == 0);
  for (const std::string_view value :
       {"", "-1", "+5", "5abc", "0x5", "5 5", "5,5", "5, 6", "9223372036854775808", "18446744073709551616",
        "18446744073709551621", "99999999999999999999", "1e3", "00000000000000000005", "\"5\"", "5;"}) {
    CAPTURE(value);
    CHECK(status_with("Content-Length: " + std::string(value)) == 400);
  }
}

TEST_CASE("a second Content-Length is 400, equal or different") {
  CHECK(status_with("Content-Length: 5\r\nContent-Length: 5") == 400);
  CHECK(status_with("Content-Length: 5\r\nContent-Length: 6") == 400);
}

TEST_CASE("Content-Length with Transfer-Encoding is 400, in either order") {
  CHECK(status_with("Content-Length: 5\r\nTransfer-Encoding: chunked") == 400);
  CHECK(status_with("Transfer-Encoding: chunked\r\nContent-Length: 5") == 400);
}

TEST_CASE("Transfer-Encoding is chunked, in any case") {
  const Parsed parsed = parse("POST / HTTP/1.1\r\nHost: a\r\nTRANSFER-encoding: Chunked\r\n\r\n");
  REQUIRE(parsed.progress.kind == Kind::complete);
  CHECK(parsed.request.framing().kind == Framing::Kind::chunked);
}

TEST_CASE("Transfer-Encoding that does not end in one chunked is 400") {
  for (const std::string_view value : {"", "xchunked", "chunkedx", "gzip", "chunked, gzip", "chunked, chunked",
                                       "identity", "chunked,", ", chunked", "chunked;q=1", "\"chunked\"", "chun ked"}) {
    CAPTURE(value);
    CHECK(status_with("Transfer-Encoding: " + std::string(value)) == 400);
  }
  CHECK(status_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked") == 400);
  CHECK(status_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity") == 400);
}

TEST_CASE("an unknown coding under chunked is 501") {
  CHECK(status_with("Transfer-Encoding: gzip, chunked") == 501);
  CHECK(status_with("Transfer-Encoding: x;a=\"b, chunked, c\", chunked") == 501);
}

TEST_CASE("a coding or option that stands in a quoted string is none") {
  CHECK(status_with("Transfer-Encoding: x;a=\", chunked\"") == 400);
  CHECK(status_with("Transfer-Encoding: x;a=\", chunked") == 400);
  Request request;
  RequestParser parser;
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: x=\"a, close, b\"\r\n\r\n";
  REQUIRE(parser.parse(head, request).kind == Kind::complete);
  CHECK(request.keep_alive());
}

TEST_CASE("Transfer-Encoding in HTTP/1.0 is 400") {
  CHECK(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == 400);
}

TEST_CASE("a request without framing fields has no body") {
  CHECK(parse("POST / HTTP/1.1\r\nHost: a\r\n\r\n").request.framing().kind == Framing::Kind::none);
}

TEST_CASE("keep-alive follows the version and the Connection field") {
  const auto keeps = [](std::string_view version, std::string_view line) {
    return parse("GET / HTTP/" + std::string(version) + "\r\nHost: a\r\n" + std::string(line) + "\r\n")
        .request.keep_alive();
  };
  CHECK(keeps("1.1", ""));
  CHECK_FALSE(keeps("1.1", "Connection: close\r\n"));
  CHECK_FALSE(keeps("1.1", "Connection: keep-alive\r\nConnection: x, CLOSE\r\n"));
  CHECK(keeps("1.1", "Connection: not-close\r\n"));
  CHECK_FALSE(keeps("1.0", ""));
  CHECK(keeps("1.0", "Connection: Keep-Alive\r\n"));
  CHECK_FALSE(keeps("1.0", "Connection: keep-alive, close\r\n"));
}

TEST_CASE("an upgrade is wanted with both fields, as whole tokens, in HTTP/1.1") {
  const auto wants = [](std::string_view version, std::string_view lines) {
    return parse("GET / HTTP/" + std::string(version) + "\r\nHost: a\r\n" + std::string(lines) + "\r\n")
        .request.wants_upgrade();
  };
  CHECK(wants("1.1", "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"));
  CHECK(wants("1.1", "Connection: keep-alive\r\nUpgrade: x\r\nConnection: UPGRADE\r\n"));
  CHECK_FALSE(wants("1.1", "Connection: no-upgrade\r\nUpgrade: websocket\r\n"));
  CHECK_FALSE(wants("1.1", "Connection: upgradex\r\nUpgrade: websocket\r\n"));
  CHECK_FALSE(wants("1.1", "Upgrade: websocket\r\n"));
  CHECK_FALSE(wants("1.1", "Connection: upgrade\r\n"));
  CHECK_FALSE(wants("1.0", "Connection: upgrade\r\nUpgrade: websocket\r\n"));
}

TEST_CASE("100-continue is expected with a body, in HTTP/1.1") {
  const auto expects = [](std::string_view version, std::string_view lines) {
    return parse("POST / HTTP/" + std::string(version) + "\r\nHost: a\r\n" + std::string(lines) + "\r\n")
        .request.expects_continue();
  };
  CHECK(expects("1.1", "Expect: 100-Continue\r\nContent-Length: 1\r\n"));
  CHECK(expects("1.1", "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n"));
  CHECK_FALSE(expects("1.1", "Expect: 100-continue\r\nContent-Length: 0\r\n"));
  CHECK_FALSE(expects("1.1", "Expect: 100-continue\r\n"));
  CHECK_FALSE(expects("1.0", "Expect: 100-continue\r\nContent-Length: 1\r\n"));
}

TEST_CASE("another expectation is 417, and ignored in HTTP/1.0") {
  CHECK(status_with("Expect: a-miracle") == 417);
  CHECK(status_with("Expect: a-miracle\r\nExpect: 100-continue") == 417);
  CHECK(status_of("GET / HTTP/1.0\r\nExpect: a-miracle\r\n\r\n") == 0);
}

TEST_CASE("a target over its limit is 414") {
  HeadLimits limits;
  limits.max_target_bytes = 10;
  CHECK(status_of("GET /123456789 HTTP/1.1\r\nHost: a\r\n\r\n", limits) == 0);
  CHECK(status_of("GET /1234567890 HTTP/1.1\r\nHost: a\r\n\r\n", limits) == 414);
}

TEST_CASE("a request line over the head's limit is 414, ended or not") {
  CHECK(status_of("GET /" + std::string(20'000, 'a')) == 414);
  CHECK(status_of("GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n") == 414);
}

TEST_CASE("a head over its limit is 431, and one of exactly the limit is not") {
  HeadLimits limits;
  limits.max_head_bytes = simple.size();
  CHECK(status_of(simple, limits) == 0);
  limits.max_head_bytes = simple.size() - 1;
  CHECK(status_of(simple, limits) == 431);
  CHECK(status_of("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(20'000, 'a')) == 431);
}

TEST_CASE("what follows a head does not count for its limit") {
  HeadLimits limits;
  limits.max_head_bytes = simple.size();
  CHECK(status_of(std::string(simple) + std::string(1000, 'x'), limits) == 0);
}

TEST_CASE("a header too many is 431") {
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 1; i < 100; ++i) head += "X: y\r\n";
  CHECK(status_of(head + "\r\n") == 0);
  CHECK(status_of(head + "X: y\r\n\r\n") == 431);
}

TEST_CASE("a response head is taken apart") {
  const std::string text = "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nX: y\r\n\r\nbody!";
  ResponseParser parser;
  ResponseMessage response;
  const Progress progress = parser.parse(text, Method::get, response);
  REQUIRE(progress.kind == Kind::complete);
  CHECK(progress.consumed == text.size() - 5);
  CHECK(response.status() == Status::not_found);
  CHECK(response.reason() == "Not Found");
  CHECK(response.header("x") == "y");
  CHECK(response.framing().length == 5);
  CHECK(response.keep_alive());
}

namespace {

struct ParsedResponse {
  Progress progress;
  std::unique_ptr<char[]> bytes;
  ResponseMessage response;
};

ParsedResponse parse_response(std::string_view text, Method to = Method::get) {
  ParsedResponse parsed;
  parsed.bytes = std::make_unique<char[]>(text.size());
  text.copy(parsed.bytes.get(), text.size());
  ResponseParser parser;
  parsed.progress = parser.parse({parsed.bytes.get(), text.size()}, to, parsed.response);
  return parsed;
}

Framing::Kind framing_of(std::string_view text, Method to = Method::get) {
  const ParsedResponse parsed = parse_response(text, to);
  REQUIRE(parsed.progress.kind == Kind::complete);
  return parsed.response.framing().kind;
}

}  // namespace

TEST_CASE("a reason phrase may be empty, spaced, or missing with its space") {
  CHECK(parse_response("HTTP/1.1 200 \r\n\r\n").response.reason().empty());
  CHECK(parse_response("HTTP/1.1 200\r\n\r\n").progress.kind == Kind::complete);
  CHECK(parse_response("HTTP/1.0 200 All\tis well\r\n\r\n").response.reason() == "All\tis well");
}

TEST_CASE("a malformed status line is an error") {
  for (const std::string_view line :
       {"HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 20", "HTTP/1.1 2000", "HTTP/1.1 20x OK", "HTTP/1.1  200 OK",
        "HTTP/2.0 200 OK", "http/1.1 200 OK", "ICY 200 OK", "HTTP/1.1 099 x", "HTTP/1.1 200 O\rK", "HTTP/1.1 200 \x01",
        "HTTP/1.1\t200 OK", "\x15"}) {
    CAPTURE(line);
    CHECK(parse_response(std::string(line) + "\r\n\r\n").progress.kind == Kind::error);
    CHECK(parse_response(std::string(line) + "\n\r\n").progress.kind == Kind::error);
  }
}

TEST_CASE("the framing of a response follows the request, the status and the fields in this order") {
  CHECK(framing_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n") == Framing::Kind::length);
  CHECK(framing_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") == Framing::Kind::chunked);
  CHECK(framing_of("HTTP/1.1 200 OK\r\n\r\n") == Framing::Kind::until_close);
  CHECK(framing_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Method::head) == Framing::Kind::none);
  CHECK(framing_of("HTTP/1.1 204 No Content\r\n\r\n") == Framing::Kind::none);
  CHECK(framing_of("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n") == Framing::Kind::none);
  CHECK(framing_of("HTTP/1.1 101 Switching Protocols\r\n\r\n") == Framing::Kind::none);
  CHECK(framing_of("HTTP/1.1 200 OK\r\n\r\n", Method::connect) == Framing::Kind::none);
}

TEST_CASE("a response with contradicting framing is an error") {
  for (const std::string_view lines :
       {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: x\r\n", "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: gzip\r\n"}) {
    const ParsedResponse parsed = parse_response("HTTP/1.1 200 OK\r\n" + std::string(lines) + "\r\n");
    CAPTURE(lines);
    CHECK(parsed.progress.kind == Kind::error);
    CHECK(parsed.progress.status == Status::bad_gateway);
  }
  CHECK(parse_response("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").progress.kind == Kind::error);
}

TEST_CASE("a response keeps the connection only if its end is known") {
  CHECK_FALSE(parse_response("HTTP/1.1 200 OK\r\n\r\n").response.keep_alive());
  CHECK(parse_response("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").response.keep_alive());
  CHECK_FALSE(
      parse_response("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").response.keep_alive());
  CHECK_FALSE(parse_response("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").response.keep_alive());
}

TEST_CASE("an accepted upgrade is seen in the response") {
  CHECK(parse_response("HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n").response.has_upgrade());
  CHECK_FALSE(parse_response("HTTP/1.1 101 x\r\nConnection: noupgrade\r\nUpgrade: w\r\n\r\n").response.has_upgrade());
}

TEST_CASE("a response head over its limit is an error, ended or not") {
  CHECK(parse_response("HTTP/1.1 200 " + std::string(20'000, 'x')).progress.kind == Kind::error);
  CHECK(parse_response("HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x')).progress.kind == Kind::error);
}

TEST_CASE("a response head may come byte by byte, and another after it") {
  const std::string text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
  ResponseParser parser;
  ResponseMessage response;
  std::size_t begin = 0;
  int heads = 0;
  for (std::size_t size = 1; size <= text.size(); ++size) {
    const Progress progress = parser.parse(std::string_view(text).substr(begin, size - begin), Method::post, response);
    REQUIRE(progress.kind != Kind::error);
    if (progress.kind != Kind::complete) continue;
    begin += progress.consumed;
    ++heads;
  }
  CHECK(heads == 2);
  CHECK(begin == text.size());
  CHECK(response.status() == Status::ok);
}
