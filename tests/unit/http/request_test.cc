#include <doctest/doctest.h>
#include <tidewire/http/parser.h>
#include <tidewire/http/request.h>
#include <tidewire/http/router.h>
#include <memory>
#include <optional>
#include <string>

using namespace tidewire;
using namespace tidewire::http;

namespace {

constexpr std::string_view head =
    "POST /rooms/caf%C3%A9%2F1/a/b%20c?x=1&y=a+b HTTP/1.1\r\nHost: example.org\r\nUpgrade: a, b\r\n"
    "Connection: upgrade\r\nTransfer-Encoding: chunked\r\nX-One: 1\r\nx-one: 2\r\n\r\n";

void check_everything(const Request& request) {
  CHECK(request.method() == Method::post);
  CHECK(request.method_text() == "POST");
  CHECK(request.path() == "/rooms/caf%C3%A9%2F1/a/b%20c");
  CHECK(request.query() == "x=1&y=a+b");
  CHECK(request.query_param("y") == "a b");
  CHECK(request.host() == "example.org");
  CHECK(request.header("X-ONE") == "1");
  CHECK(request.headers().size() == 6);
  std::string all;
  for (const std::string_view value : request.header_values("x-one")) all += value;
  CHECK(all == "12");
  CHECK(has_token(request.upgrade_values(), "b"));
  CHECK(request.param("room") == "caf\xc3\xa9/1");
  CHECK(request.wildcard() == "a/b c");
  CHECK(request.wildcard_raw() == "a/b%20c");
  CHECK(request.param("other").empty());
  CHECK(request.body_text() == "the body");
  CHECK(request.trailers().find("digest") == "abc");
  CHECK(request.peer() == "127.0.0.1:5");
  CHECK(request.framing().kind == Framing::Kind::chunked);
  CHECK(request.keep_alive());
}

// What a connection puts together, every part in memory of its own.
struct Delivered {
  Router router;
  std::string bytes = std::string(head);
  std::string body = "the body";
  std::string trailer_text = "Digestabc";
  std::vector<FieldSlices> trailers = {{{0, 6}, {6, 3}}};
  std::string peer = "127.0.0.1:5";
  Request request;

  Delivered() {
    REQUIRE(router.add("POST", "/rooms/:room/*", RouteId{7}));
    RequestParser parser;
    REQUIRE(parser.parse(bytes, request).kind == Progress::Kind::complete);
    RouteMatch match;
    router.match(request, match);
    REQUIRE(match.outcome == RouteMatch::Outcome::found);
    request.set_body(as_bytes(body));
    request.set_trailers({trailer_text.data(), trailers});
    request.set_peer(peer);
  }
};

}  // namespace

TEST_CASE("a handler sees all of a request") {
  const Delivered delivered;
  check_everything(delivered.request);
}

TEST_CASE("a clone outlives the bytes, the router and the request") {
  auto delivered = std::make_unique<Delivered>();
  const OwnedRequest owned = delivered->request.clone();
  delivered.reset();
  check_everything(*owned);
}

TEST_CASE("a clone can be moved and cloned again") {
  std::optional<OwnedRequest> second;
  {
    OwnedRequest first = Delivered().request.clone();
    const OwnedRequest moved = std::move(first);
    second = moved->clone();
  }
  check_everything(second->get());
}

TEST_CASE("a clone of a request that is empty is empty") {
  const OwnedRequest owned = Request().clone();
  CHECK(owned->path().empty());
  CHECK(owned->headers().empty());
}

TEST_CASE("a request follows its bytes when they move") {
  Delivered delivered;
  const std::string moved = delivered.bytes;
  delivered.bytes.assign(delivered.bytes.size(), '?');
  delivered.request.set_base(moved.data());
  check_everything(delivered.request);
}

TEST_CASE("a cleared request has nothing of the last one") {
  Delivered delivered;
  delivered.request.clear();
  CHECK(delivered.request.method() == Method::other);
  CHECK(delivered.request.target().empty());
  CHECK(delivered.request.headers().empty());
  CHECK(delivered.request.param("room").empty());
  CHECK(delivered.request.body().empty());
  CHECK(delivered.request.trailers().empty());
  CHECK(delivered.request.peer().empty());
  CHECK_FALSE(delivered.request.wants_upgrade());
}

TEST_CASE("upgrade values are empty unless an upgrade is wanted") {
  RequestParser parser;
  Request request;
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n";
  REQUIRE(parser.parse(text, request).kind == Progress::Kind::complete);
  CHECK(request.upgrade_values().empty());
  CHECK(request.has_header("upgrade"));
}

TEST_CASE("who sent a request is asked for when it is wanted, and kept by its copy") {
  struct Source final : PeerSource {
    std::string_view peer_text() override { return ++asked, "127.0.0.1:6"; }
    int asked = 0;
  } source;
  Delivered delivered;
  delivered.request.set_peer_source(source);
  CHECK(source.asked == 0);
  CHECK(delivered.request.peer() == "127.0.0.1:6");
  const OwnedRequest copy = delivered.request.clone();
  const int asked = source.asked;
  CHECK(copy.get().peer() == "127.0.0.1:6");
  CHECK(source.asked == asked);
  delivered.request.clear();
  CHECK(delivered.request.peer().empty());
}

TEST_CASE("a request is http unless its connection is encrypted, and its copy knows") {
  Delivered delivered;
  CHECK(delivered.request.scheme() == "http");
  CHECK(delivered.request.encryption() == nullptr);
  CHECK_FALSE(delivered.request.clone().get().is_secure());
}
