#include <doctest/doctest.h>
#include <tidewire/http/body.h>
#include <tidewire/http/parser.h>
#include <tidewire/http/request.h>
#include <memory>
#include <string>
#include <vector>

// What a client may send, and what must come of it. Each transcript is played whole, byte by byte, and cut in two at
// every place; the events must be the same every time, and there are none behind an error.

using namespace tidewire;
using namespace tidewire::http;

namespace {

struct Transcript {
  const char* title;
  std::string input;
  std::vector<std::string> events;  // as `Player` writes them
};

// A connection without its I/O. It writes events down so that the pieces of a body read as the body.
class Player {
 public:
  void feed(std::string_view piece) {
    waiting_ += piece;
    while (!ended_ && step()) {
    }
  }

  std::vector<std::string> events() const {
    std::vector<std::string> events = events_;
    if (in_body_ && !content_.empty()) events.push_back("part \"" + content_ + "\"");
    return events;
  }

 private:
  // Looks at what waits, in memory that ends where it ends. False if it needs more.
  bool step() {
    const auto bytes = std::make_unique<char[]>(waiting_.size());
    waiting_.copy(bytes.get(), waiting_.size());
    const std::string_view input(bytes.get(), waiting_.size());
    return in_body_ ? take_body(input) : take_head(input);
  }

  bool take_head(std::string_view input) {
    const Progress progress = parser_.parse(input, request_);
    if (progress.kind == Progress::Kind::error) return fail(progress.status);
    if (progress.kind == Progress::Kind::need_more) return false;
    std::string event(request_.method_text());
    event.append(" ").append(request_.target_form() == TargetForm::authority ? request_.target() : request_.path());
    if (!request_.query().empty()) event.append(" query ").append(request_.query());
    event.append(" host ").append(request_.host());
    if (request_.expects_continue()) event += " expects 100";
    if (!request_.keep_alive()) event += " close";
    if (request_.wants_upgrade()) event += " upgrade";
    events_.push_back(event);
    waiting_.erase(0, progress.consumed);
    if (request_.wants_upgrade()) {
      ended_ = true;
      return false;
    }
    decoder_.start(request_.framing(), BodyLimits());
    in_body_ = true;
    return true;
  }

  bool take_body(std::string_view input) {
    const BodyEvent event = decoder_.next(as_bytes(input));
    content_ += as_text(event.data);
    waiting_.erase(0, event.consumed);
    if (event.kind == BodyEvent::Kind::error) return fail(event.status);
    if (event.kind == BodyEvent::Kind::need_more) return false;
    if (event.kind == BodyEvent::Kind::data) return true;
    if (!content_.empty()) events_.push_back("body \"" + content_ + "\"");
    for (const Field field : decoder_.trailers()) {
      events_.push_back("trailer " + std::string(field.name) + "=" + std::string(field.value));
    }
    content_.clear();
    in_body_ = false;
    ended_ = !request_.keep_alive();
    return true;
  }

  bool fail(Status status) {
    if (in_body_ && !content_.empty()) events_.push_back("part \"" + content_ + "\"");
    in_body_ = false;
    events_.push_back("error " + std::to_string(code_of(status)));
    ended_ = true;
    return false;
  }

  RequestParser parser_;
  Request request_;
  BodyDecoder decoder_;
  std::string waiting_;
  std::string content_;
  bool in_body_ = false;
  bool ended_ = false;
  std::vector<std::string> events_;
};

std::vector<std::string> play(std::string_view input, std::size_t first_piece, std::size_t piece) {
  Player player;
  player.feed(input.substr(0, first_piece));
  for (std::size_t at = first_piece; at < input.size(); at += piece) player.feed(input.substr(at, piece));
  return player.events();
}

void check(const std::vector<Transcript>& transcripts) {
  for (const Transcript& transcript : transcripts) {
    CAPTURE(transcript.title);
    const std::string_view input = transcript.input;
    REQUIRE(play(input, input.size(), 1) == transcript.events);
    REQUIRE(play(input, 0, 1) == transcript.events);
    // Long ones are repetitive: cuts near both ends, and some between, find what there is to find.
    const std::size_t stride = input.size() < 2000 ? 1 : 97;
    for (std::size_t cut = 1; cut < input.size(); cut += stride) {
      CAPTURE(cut);
      REQUIRE(play(input, cut, input.size()) == transcript.events);
    }
  }
}

std::string repeated(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

// A POST with these lines among its header, and a request behind it that must not be seen if they are an error.
std::string post(std::string_view lines, std::string_view body = "") {
  return "POST /p HTTP/1.1\r\nHost: a\r\n" + std::string(lines) + "\r\n" + std::string(body);
}
std::string chunked(std::string_view body) { return post("Transfer-Encoding: chunked\r\n", body); }

const std::string next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string next_event = "GET /next host a";
const std::string post_event = "POST /p host a";

}  // namespace

TEST_CASE("well-formed requests") {
  check({
      {"one", "GET /a?b=c HTTP/1.1\r\nHost: example.org:80\r\nX: y\r\n\r\n", {"GET /a query b=c host example.org:80"}},
      {"pipelined", next + next + next, {next_event, next_event, next_event}},
      {"an empty line between requests", next + "\r\n" + next, {next_event, next_event}},
      {"a length", post("Content-Length: 5\r\n", "hello") + next, {post_event, "body \"hello\"", next_event}},
      {"a length of 0", post("Content-Length: 0\r\n") + next, {post_event, next_event}},
      {"chunks",
       chunked("5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n") + next,
       {post_event, "body \"hello, world\"", next_event}},
      {"chunks with extensions and trailers",
       chunked("5;a=b\r\nhello\r\n0;c\r\nDigest: x\r\nY:\r\n\r\n") + next,
       {post_event, "body \"hello\"", "trailer Digest=x", "trailer Y=", next_event}},
      {"a body of requests",
       post("Content-Length: " + std::to_string(next.size()) + "\r\n", next),
       {post_event, "body \"" + next + "\""}},
      {"an unfinished body", post("Content-Length: 9\r\n", "hello"), {post_event, "part \"hello\""}},
      {"an unfinished head", next.substr(0, next.size() - 1), {}},
  });
}

TEST_CASE("keep-alive, close and HTTP/1.0") {
  check({
      {"close ends the connection",
       "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n" + next,
       {"GET / host a close"}},
      {"a name that contains close does not",
       "GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n" + next,
       {"GET / host a", next_event}},
      {"HTTP/1.0 ends the connection", "GET / HTTP/1.0\r\n\r\n" + next, {"GET / host  close"}},
      {"HTTP/1.0 with keep-alive",
       "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + next,
       {"GET / host ", next_event}},
      {"100-continue",
       post("Expect: 100-continue\r\nContent-Length: 2\r\n", "ok") + next,
       {post_event + " expects 100", "body \"ok\"", next_event}},
      {"an expectation that nobody knows", post("Expect: x\r\n") + next, {"error 417"}},
  });
}

TEST_CASE("malformed header lines end the connection") {
  for (const std::string_view line :
       {"X : y",  "X\t: y",   " X: y",  "\tX: y", "X: y\r\n folded", "X: y\r\n\tfolded", "X: y\rZ: w", "X: y\nZ: w",
        "X: y\n", "no colon", "X",      ": y",    "X: \x01",         "X: \x1f",          "X: \x7f",    "X\x01: y",
        "X(: y",  "X\x80: y", "X: y\r", "\rX: y"}) {
    check({{"in a header", post(std::string(line) + "\r\n") + next, {"error 400"}},
           {"in a trailer", chunked("0\r\n" + std::string(line) + "\r\n\r\n") + next, {post_event, "error 400"}}});
  }
  const std::string nul("\0", 1);
  check({{"NUL in a value", post("X: a" + nul + "b\r\n") + next, {"error 400"}},
         {"NUL in a name", post("X" + nul + ": a\r\n") + next, {"error 400"}},
         {"NUL in the target", "GET /" + nul + " HTTP/1.1\r\nHost: a\r\n\r\n", {"error 400"}},
         {"NUL before a request", nul + next, {"error 400"}}});
}

TEST_CASE("bare line feeds end the connection") {
  check({
      {"behind the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n" + next, {"error 400"}},
      {"behind a header", "GET / HTTP/1.1\r\nHost: a\n\r\n" + next, {"error 400"}},
      {"as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n" + next, {"error 400"}},
      {"everywhere", "GET / HTTP/1.1\nHost: a\n\n" + next, {"error 400"}},
      {"before the request", "\n" + next, {"error 400"}},
      {"two empty lines before the request", "\r\n\r\n" + next, {"error 400"}},
  });
}

TEST_CASE("a Content-Length that is no plain number ends the connection") {
  for (const std::string_view value :
       {"-5", "+5", "5abc", "abc", "", "0x5", "5.0", "5 5", "5,5", "5;", "1e1", "9223372036854775808",
        "18446744073709551616", "18446744073709551621", "99999999999999999999999999",
        "\t\x0b"
        "5"}) {
    CAPTURE(value);
    check({{"alone", post("Content-Length: " + std::string(value) + "\r\n", "hello") + next, {"error 400"}}});
  }
}

TEST_CASE("more than one word on the framing ends the connection") {
  check({
      {"Content-Length twice, equal", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), {"error 400"}},
      {"Content-Length twice, different", post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), {"error 400"}},
      {"Content-Length as a list", post("Content-Length: 5, 5\r\n", "hello"), {"error 400"}},
      {"length, then chunked", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), {"error 400"}},
      {"chunked, then length", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), {"error 400"}},
      {"chunked twice",
       post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
       {"error 400"}},
      {"chunked and identity",
       post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"),
       {"error 400"}},
  });
}

TEST_CASE("a Transfer-Encoding other than one chunked ends the connection") {
  for (const std::string_view value : {"xchunked", "chunkedx", "x chunked", "chunked x", "identity", "gzip", "",
                                       "chunked, gzip", "chunked, chunked", "chunked,", ",chunked", "chunked;a=b"}) {
    CAPTURE(value);
    check({{"alone", post("Transfer-Encoding: " + std::string(value) + "\r\n", "0\r\n\r\n") + next, {"error 400"}}});
  }
  check({{"a coding that we don't know", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), {"error 501"}},
         {"in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {"error 400"}},
         {"with a space before its colon", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), {"error 400"}},
         {"behind a vertical tab",
          post("Transfer-Encoding: \x0b"
               "chunked\r\n",
               "0\r\n\r\n"),
          {"error 400"}}});
}

TEST_CASE("a chunk's size that is no plain hexadecimal number ends the connection") {
  for (const std::string_view size : {"", "g", "5g", "-5", "+5", "0x5", " 5", "5 ", "5\t", "\t5", "5;", "5; ", "5\v",
                                      "10000000000000005", "00000000000000005", "5\n", "5\r5"}) {
    CAPTURE(size);
    check({{"first", chunked(std::string(size) + "\r\nhello\r\n0\r\n\r\n") + next, {post_event, "error 400"}},
           {"second",
            chunked("2\r\nok\r\n" + std::string(size) + "\r\nhello\r\n0\r\n\r\n") + next,
            {post_event, "part \"ok\"", "error 400"}}});
  }
}

TEST_CASE("a chunk's size that is too large ends the connection, and is not cut to fewer bits") {
  for (const std::string_view size : {"ffffffffffffffff", "fffffffffffffff0", "8000000000000000", "7fffffffffffffff",
                                      "100000005", "0000000100000005", "100001"}) {
    CAPTURE(size);
    check({{"alone", chunked(std::string(size) + "\r\nhello\r\n0\r\n\r\n") + next, {post_event, "error 413"}}});
  }
}

TEST_CASE("a chunk that does not end where its size says ends the connection") {
  check({
      {"longer", chunked("4\r\nhello\r\n0\r\n\r\n") + next, {post_event, "part \"hell\"", "error 400"}},
      {"shorter", chunked("6\r\nhello\r\n0\r\n\r\n") + next, {post_event, "part \"hello\r\"", "error 400"}},
      {"without CR", chunked("5\r\nhello\n0\r\n\r\n") + next, {post_event, "part \"hello\"", "error 400"}},
      {"without LF", chunked("5\r\nhello\r0\r\n\r\n") + next, {post_event, "part \"hello\"", "error 400"}},
      {"with two other bytes", chunked("5\r\nhelloXX0\r\n\r\n") + next, {post_event, "part \"hello\"", "error 400"}},
      {"a last chunk without CR", chunked("0\n\r\n") + next, {post_event, "error 400"}},
  });
}

TEST_CASE("endless chunk extensions end the connection") {
  check({
      {"in one line", chunked("5;" + std::string(10'000, 'a')), {post_event, "error 400"}},
      {"of many names", chunked("5" + repeated(";a", 5000)), {post_event, "error 400"}},
      {"over many chunks",
       chunked(repeated("1;" + std::string(200, 'a') + "\r\nx\r\n", 90)),
       {post_event, "part \"" + std::string(81, 'x') + "\"", "error 400"}},
  });
}

TEST_CASE("trailers that smuggle framing, and endless ones, end the connection") {
  for (const std::string_view line : {"Content-Length: 5", "transfer-encoding: chunked", "Host: b", "Connection: close",
                                      "Upgrade: x", "Authorization: x", "Cookie: x", "Trailer: x"}) {
    CAPTURE(line);
    check({{"alone", chunked("0\r\n" + std::string(line) + "\r\n\r\n") + next, {post_event, "error 400"}}});
  }
  check({{"many", chunked("0\r\n" + repeated("X: y\r\n", 33) + "\r\n") + next, {post_event, "error 431"}},
         {"long", chunked("0\r\nX: " + std::string(9000, 'y')), {post_event, "error 431"}}});
}

TEST_CASE("Host is there once and valid, in HTTP/1.1") {
  check({
      {"missing", "GET / HTTP/1.1\r\n\r\n" + next, {"error 400"}},
      {"twice", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + next, {"error 400"}},
      {"twice, equal", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n" + next, {"error 400"}},
      {"empty", "GET / HTTP/1.1\r\nHost: \r\n\r\n" + next, {"error 400"}},
      {"with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n" + next, {"error 400"}},
      {"with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n" + next, {"error 400"}},
      {"with a bad port", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n" + next, {"error 400"}},
      {"two in one", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n" + next, {"error 400"}},
  });
}

TEST_CASE("targets in all their forms") {
  check({
      {"absolute",
       "GET http://b:8080/x?y HTTP/1.1\r\nHost: a\r\n\r\n" + next,
       {"GET /x query y host b:8080", next_event}},
      {"absolute without a path", "GET http://b HTTP/1.1\r\nHost: a\r\n\r\n" + next, {"GET / host b", next_event}},
      {"absolute without Host", "GET http://b/ HTTP/1.1\r\n\r\n" + next, {"error 400"}},
      {"absolute with a user", "GET http://u:p@b/ HTTP/1.1\r\nHost: a\r\n\r\n" + next, {"error 400"}},
      {"absolute of another scheme", "GET file:///etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n" + next, {"error 400"}},
      {"asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n" + next, {"OPTIONS * host a", next_event}},
      {"asterisk of another method", "GET * HTTP/1.1\r\nHost: a\r\n\r\n" + next, {"error 400"}},
      {"authority", "CONNECT b:443 HTTP/1.1\r\nHost: a\r\n\r\n", {"CONNECT b:443 host a"}},
      {"authority of another method", "GET b:443 HTTP/1.1\r\nHost: a\r\n\r\n" + next, {"error 400"}},
      {"no slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n" + next, {"error 400"}},
      {"a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n" + next, {"error 400"}},
      {"a space", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n" + next, {"error 400"}},
  });
}

TEST_CASE("percent-encoding over the end, and what it must not hide") {
  for (const std::string_view target : {"/%", "/%4", "/a%", "/%?a", "/%zz", "/%00", "/a%00.txt", "/..", "/a/../b",
                                        "/%2e%2e/a", "/.%2e/", "/a%2f..%2fb", "/..%5ca", "/a\\..\\b", "/a/%2e"}) {
    CAPTURE(target);
    check({{"in the path", "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n" + next, {"error 400"}}});
  }
  check({{"in the query it is the reader's", "GET /a?% HTTP/1.1\r\nHost: a\r\n\r\n", {"GET /a query % host a"}}});
}

TEST_CASE("header values are not decoded") {
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\nX: a%0d%0aSet-Cookie:%20b\r\n\r\n";
  RequestParser parser;
  Request request;
  REQUIRE(parser.parse(text, request).kind == Progress::Kind::complete);
  CHECK(request.header("x") == "a%0d%0aSet-Cookie:%20b");
}

TEST_CASE("request lines that are none") {
  check({
      {"another version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", {"error 505"}},
      {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {"error 505"}},
      {"no version", "GET /\r\n\r\n", {"error 400"}},
      {"two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", {"error 400"}},
      {"a space behind", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", {"error 400"}},
      {"a tab", "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", {"error 400"}},
      {"a TLS client on a plain port", std::string("\x16\x03\x01\x02\x00", 5), {"error 400"}},
      {"a lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n", {"error 400"}},
  });
}

TEST_CASE("limits end the connection") {
  const std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  check({
      {"a long target", "GET /" + std::string(8192, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", {"error 414"}},
      {"a request line without end", std::string(17'000, 'A'), {"error 414"}},
      {"a long header", post("X: " + std::string(17'000, 'a') + "\r\n"), {"error 431"}},
      {"a header without end", "GET / HTTP/1.1\r\nX: " + std::string(17'000, 'a'), {"error 431"}},
      {"99 headers beside Host", many + repeated("X: y\r\n", 99) + "\r\n", {"GET / host a"}},
      {"a header too many", many + repeated("X: y\r\n", 100) + "\r\n", {"error 431"}},
      {"a body too long", post("Content-Length: 1048577\r\n", "x"), {post_event, "error 413"}},
  });
}

TEST_CASE("Upgrade and Connection are lists of tokens, without case, over several lines") {
  const auto get = [](std::string_view lines) {
    return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(lines) + "\r\n" + next;
  };
  const std::vector<std::string> upgraded = {"GET / host a upgrade"};
  const std::vector<std::string> plain = {"GET / host a", next_event};
  check({
      {"as browsers write it", get("Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"), upgraded},
      {"in capitals", get("CONNECTION: UPGRADE\r\nUPGRADE: WEBSOCKET\r\n"), upgraded},
      {"on several lines", get("Connection: keep-alive\r\nUpgrade: x\r\nConnection: upgrade\r\nUpgrade: y\r\n"),
       upgraded},
      {"with odd white space", get("Connection:\tkeep-alive\t,\tupgrade\t\r\nUpgrade: websocket\r\n"), upgraded},
      {"a longer name", get("Connection: upgrades\r\nUpgrade: websocket\r\n"), plain},
      {"a name that ends in it", get("Connection: no-upgrade\r\nUpgrade: websocket\r\n"), plain},
      {"a name that begins with it", get("Connection: upgrade-insecure-requests\r\nUpgrade: websocket\r\n"), plain},
      {"two words", get("Connection: please upgrade\r\nUpgrade: websocket\r\n"), plain},
      {"quoted", get("Connection: \"upgrade\"\r\nUpgrade: websocket\r\n"), plain},
      {"no Connection", get("Upgrade: websocket\r\n"), plain},
      {"no Upgrade", get("Connection: upgrade\r\n"), plain},
  });
}

TEST_CASE("an upgrade passes all checks of a request") {
  const std::string upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\n";
  check({
      {"without Host", "GET / HTTP/1.1\r\n" + upgrade + "\r\n", {"error 400"}},
      {"with bad framing", post(upgrade + "Content-Length: x\r\n"), {"error 400"}},
      {"in HTTP/1.0 it is none", "GET / HTTP/1.0\r\n" + upgrade + "\r\n", {"GET / host  close"}},
  });
}
