#include <doctest/doctest.h>
#include <tidewire/http/router.h>
#include <string>
#include <vector>

using namespace tidewire;
using namespace tidewire::http;

namespace {

using Outcome = RouteMatch::Outcome;

// Routes for GET, numbered from 1 in the order of their patterns.
Router router_of(const std::vector<std::string_view>& patterns) {
  Router router;
  std::uint32_t id = 0;
  for (const std::string_view pattern : patterns) REQUIRE(router.add(Method::get, pattern, RouteId{++id}));
  return router;
}

// The number of the route that a path finds, 0 if none.
std::uint32_t find(const Router& router, std::string_view path, std::string_view method = "GET") {
  PathParameters params;
  const RouteMatch match = router.match(method, path, {}, params);
  return match.outcome == Outcome::found ? static_cast<std::uint32_t>(match.id) : 0;
}

// A parameter's value for a path.
std::string value(const Router& router, std::string_view path, std::string_view name) {
  PathParameters params;
  static_cast<void>(router.match("GET", path, {}, params));
  return std::string(params.find(name, path));
}

// An Upgrade field.
struct Offer {
  std::string text;
  FieldSlices field;
  explicit Offer(std::string_view protocols)
      : text("upgrade" + std::string(protocols)), field{{0, 7}, {7, static_cast<std::uint32_t>(protocols.size())}} {}
  FieldValues values() const { return {text.data(), {&field, 1}, "upgrade"}; }
};

bool is_refused(std::string_view pattern) {
  Router router;
  const Result<void> added = router.add("GET", pattern, RouteId{1});
  if (added) return false;
  CHECK(added.error().code == Errc::invalid_configuration);
  CHECK(added.error().detail.find(pattern) != std::string::npos);
  return true;
}

}  // namespace

TEST_CASE("each of many literals of one size is found") {
  std::vector<std::string> patterns;
  for (char c = 'z'; c >= 'a'; --c) patterns.push_back(std::string("/items/") + c);
  const Router router = router_of({patterns.begin(), patterns.end()});
  for (std::size_t i = 0; i < patterns.size(); ++i) CHECK(find(router, patterns[i]) == i + 1);
  CHECK(find(router, "/items/A") == 0);
  CHECK(find(router, "/items/~") == 0);
  CHECK(find(router, "/items/%61") == 26);
  CHECK(find(router, std::string(1000, '/')) == 0);
}

TEST_CASE("a literal without a route for what is asked leaves it to the other patterns") {
  Router router;
  REQUIRE(router.add("POST", "/users/me", RouteId{1}));
  REQUIRE(router.add("GET", "/users/:id", RouteId{2}));
  REQUIRE(router.add_upgrade("chat", "/users/me", RouteId{3}));
  REQUIRE(router.add_upgrade("echo", "/users/:id", RouteId{4}));
  CHECK(find(router, "/users/me", "POST") == 1);
  CHECK(find(router, "/users/me", "GET") == 2);
  CHECK(value(router, "/users/me", "id") == "me");
  const auto upgrade = [&](std::string_view protocols) {
    const Offer offer(protocols);
    PathParameters params;
    return router.match("GET", "/users/me", offer.values(), params).id;
  };
  CHECK(upgrade("echo, chat") == RouteId{3});
  CHECK(upgrade("echo") == RouteId{4});
  CHECK(upgrade("other") == RouteId{2});
}

TEST_CASE("literals are found whole and nothing else is") {
  const Router router = router_of({"/", "/a", "/a/b", "/a/"});
  CHECK(find(router, "/") == 1);
  CHECK(find(router, "/a") == 2);
  CHECK(find(router, "/a/b") == 3);
  CHECK(find(router, "/a/") == 4);
  CHECK(find(router, "/ab") == 0);
  CHECK(find(router, "/A") == 0);
  CHECK(find(router, "/a/b/") == 0);
  CHECK(find(router, "//a") == 0);
  CHECK(find(router, "//") == 0);
}

TEST_CASE("a parameter takes one segment that is not empty") {
  const Router router = router_of({"/rooms/:room", "/rooms/:room/members/:member"});
  CHECK(find(router, "/rooms/x") == 1);
  CHECK(value(router, "/rooms/x", "room") == "x");
  CHECK(find(router, "/rooms/") == 0);
  CHECK(find(router, "/rooms") == 0);
  CHECK(find(router, "/rooms/x/") == 0);
  CHECK(find(router, "/rooms/x/members/y") == 2);
  CHECK(value(router, "/rooms/x/members/y", "room") == "x");
  CHECK(value(router, "/rooms/x/members/y", "member") == "y");
}

TEST_CASE("a wildcard takes the rest, empty or deep, and not its absence") {
  const Router router = router_of({"/files/*"});
  CHECK(value(router, "/files/a/b//c/", "*") == "a/b//c/");
  CHECK(find(router, "/files/") == 1);
  CHECK(value(router, "/files/", "*").empty());
  CHECK(find(router, "/files") == 0);
  CHECK(find(router, "/filesx/a") == 0);
}

TEST_CASE("the value of a wildcard does not begin with a slash, plain or encoded") {
  const Router router = router_of({"/files/*", "/one/:name"});
  CHECK(value(router, "/files//etc/x", "*") == "etc/x");
  CHECK(value(router, "/files/%2Fetc/x", "*") == "etc/x");
  CHECK(value(router, "/files/%2f/%2Fetc", "*") == "etc");
  CHECK(value(router, "/files///", "*").empty());
  CHECK(value(router, "/files/%2F", "*").empty());
  CHECK(value(router, "/one/%2Fa", "name") == "/a");
  PathParameters params;
  static_cast<void>(router.match("GET", "/files//%2Fetc", {}, params));
  CHECK(params.find_raw("*", "/files//%2Fetc") == "/%2Fetc");
}

TEST_CASE("a literal goes before a parameter, and a parameter before a wildcard") {
  const Router router = router_of({"/*", "/:a", "/x", "/x/*", "/x/:a", "/x/y"});
  CHECK(find(router, "/x/y") == 6);
  CHECK(find(router, "/x/z") == 5);
  CHECK(find(router, "/x/z/w") == 4);
  CHECK(find(router, "/x") == 3);
  CHECK(find(router, "/y") == 2);
  CHECK(find(router, "/y/z") == 1);
  CHECK(find(router, "/") == 1);
}

TEST_CASE("a way that fails deep down is left for the less specific one") {
  const Router router = router_of({"/a/b/c", "/a/:x/d", "/:x/b/e", "/:x/:y/:z/f", "/a/*"});
  CHECK(find(router, "/a/b/c") == 1);
  CHECK(find(router, "/a/b/d") == 2);
  CHECK(value(router, "/a/b/d", "x") == "b");
  CHECK(find(router, "/q/b/e") == 3);
  CHECK(find(router, "/a/b/e") == 5);
  CHECK(find(router, "/q/r/s/f") == 4);
  CHECK(find(router, "/q/r/s/t") == 0);
}

TEST_CASE("parameters of a way that was left are not kept") {
  const Router router = router_of({"/:a/:b/x", "/:c/*"});
  PathParameters params;
  CHECK(router.match("GET", "/1/2/y", {}, params).outcome == Outcome::found);
  CHECK(params.size() == 2);
  CHECK(params.find("c", "/1/2/y") == "1");
  CHECK(params.find("*", "/1/2/y") == "2/y");
  CHECK(params.find("a", "/1/2/y").empty());
}

TEST_CASE("segments are compared and taken decoded, each on its own") {
  const Router router = router_of({"/a b/:x", "/caf\xc3\xa9"});
  CHECK(find(router, "/a%20b/1") == 1);
  CHECK(find(router, "/%61%20%62/1") == 1);
  CHECK(find(router, "/caf%c3%A9") == 2);
  CHECK(find(router, "/a%20b%2f1") == 0);
  CHECK(value(router, "/a%20b/1%2F2", "x") == "1/2");
  CHECK(find(router, "/a%20/1") == 0);
  CHECK(find(router, "/a%20bc/1") == 0);
}

TEST_CASE("among many literals each is found") {
  Router router;
  for (std::uint32_t i = 1; i <= 500; ++i) {
    REQUIRE(router.add("GET", "/item" + std::to_string(i * 7919 % 503), RouteId{i}));
  }
  for (std::uint32_t i = 1; i <= 500; ++i) {
    const std::string text = std::to_string(i * 7919 % 503);
    REQUIRE(find(router, "/item" + text) == i);
    REQUIRE(find(router, "/%69tem" + text) == i);
    REQUIRE(find(router, "/item" + text + "x") == 0);
  }
}

TEST_CASE("methods of a path have routes of their own") {
  Router router;
  REQUIRE(router.add("GET", "/a/:x", RouteId{1}));
  REQUIRE(router.add(Method::post, "/a/:y", RouteId{2}));
  REQUIRE(router.add("BREW", "/a/:z", RouteId{3}));
  CHECK(find(router, "/a/1", "GET") == 1);
  CHECK(find(router, "/a/1", "POST") == 2);
  CHECK(find(router, "/a/1", "BREW") == 3);
  PathParameters params;
  CHECK(router.match("POST", "/a/1", {}, params).outcome == Outcome::found);
  CHECK(params.find("y", "/a/1") == "1");
  CHECK(params.find("x", "/a/1").empty());
}

TEST_CASE("HEAD is served by GET, unless it has a route") {
  Router router = router_of({"/a"});
  CHECK(find(router, "/a", "HEAD") == 1);
  REQUIRE(router.add("HEAD", "/a", RouteId{2}));
  CHECK(find(router, "/a", "HEAD") == 2);
  CHECK(find(router, "/a", "GET") == 1);
}

TEST_CASE("a method without a route is not allowed, and the others are listed") {
  Router router;
  REQUIRE(router.add("GET", "/a", RouteId{1}));
  REQUIRE(router.add("PUT", "/a", RouteId{2}));
  REQUIRE(router.add("DELETE", "/:x", RouteId{3}));
  PathParameters params;
  const RouteMatch match = router.match("POST", "/a", {}, params);
  CHECK(match.outcome == Outcome::method_not_allowed);
  CHECK(match.allow == "GET, HEAD, PUT, DELETE, OPTIONS");
  CHECK(params.size() == 0);
  CHECK(router.match("get", "/a", {}, params).outcome == Outcome::method_not_allowed);
}

TEST_CASE("a pattern without the method is passed over for one that has it") {
  Router router;
  REQUIRE(router.add("GET", "/users/:id", RouteId{1}));
  REQUIRE(router.add("POST", "/users/me", RouteId{2}));
  CHECK(find(router, "/users/me", "GET") == 1);
  CHECK(find(router, "/users/me", "POST") == 2);
  CHECK(find(router, "/users/you", "POST") == 0);
}

TEST_CASE("OPTIONS is answered from the list, unless it has a route") {
  Router router = router_of({"/a"});
  PathParameters params;
  const RouteMatch match = router.match("OPTIONS", "/a", {}, params);
  CHECK(match.outcome == Outcome::options);
  CHECK(match.allow == "GET, HEAD, OPTIONS");
  REQUIRE(router.add("OPTIONS", "/a", RouteId{9}));
  CHECK(find(router, "/a", "OPTIONS") == 9);
  CHECK(router.match("OPTIONS", "/b", {}, params).outcome == Outcome::not_found);
}

TEST_CASE("an upgrade route takes who offers its protocol, in any case and place") {
  Router router;
  REQUIRE(router.add_upgrade("websocket", "/rooms/:room", RouteId{1}));
  REQUIRE(router.add("GET", "/rooms/:id", RouteId{2}));
  PathParameters params;
  const RouteMatch match = router.match("GET", "/rooms/7", Offer("h2c, WebSocket").values(), params);
  CHECK(match.outcome == Outcome::upgrade);
  CHECK(match.id == RouteId{1});
  CHECK(match.protocol == "websocket");
  CHECK(params.find("room", "/rooms/7") == "7");
  CHECK(find(router, "/rooms/7") == 2);
}

TEST_CASE("an offer that no route takes is ignored, and so is a part of its name") {
  Router router;
  REQUIRE(router.add_upgrade("websocket", "/a", RouteId{1}));
  REQUIRE(router.add("GET", "/a", RouteId{2}));
  PathParameters params;
  for (const std::string_view offer : {"h2c", "websocketx", "xwebsocket", "web", "\"websocket\""}) {
    CAPTURE(offer);
    CHECK(router.match("GET", "/a", Offer(offer).values(), params).id == RouteId{2});
  }
}

TEST_CASE("the client's order decides between protocols") {
  Router router;
  REQUIRE(router.add_upgrade("a", "/x", RouteId{1}));
  REQUIRE(router.add_upgrade("b", "/x", RouteId{2}));
  PathParameters params;
  CHECK(router.match("GET", "/x", Offer("b, a").values(), params).id == RouteId{2});
  CHECK(router.match("GET", "/x", Offer("a, b").values(), params).id == RouteId{1});
}

TEST_CASE("a path that serves protocols alone requires an upgrade") {
  Router router;
  REQUIRE(router.add_upgrade("websocket", "/a", RouteId{1}));
  REQUIRE(router.add_upgrade("other", "/a", RouteId{2}));
  PathParameters params;
  const RouteMatch match = router.match("GET", "/a", {}, params);
  CHECK(match.outcome == Outcome::upgrade_required);
  CHECK(match.protocol == "websocket, other");
  CHECK(router.match("GET", "/a", Offer("h2c").values(), params).outcome == Outcome::upgrade_required);
}

TEST_CASE("the upgrade route of a less specific pattern is found behind a plain one") {
  Router router;
  REQUIRE(router.add("GET", "/rooms/list", RouteId{1}));
  REQUIRE(router.add_upgrade("websocket", "/rooms/:room", RouteId{2}));
  PathParameters params;
  CHECK(router.match("GET", "/rooms/list", Offer("websocket").values(), params).id == RouteId{2});
  CHECK(router.match("GET", "/rooms/list", {}, params).id == RouteId{1});
}

TEST_CASE("a second route for the same is refused and named") {
  Router router = router_of({"/a/:x"});
  const Result<void> again = router.add("GET", "/a/:y", RouteId{2});
  REQUIRE_FALSE(again);
  CHECK(again.error().code == Errc::invalid_configuration);
  CHECK(again.error().detail.find("/a/:y") != std::string::npos);
  REQUIRE(router.add_upgrade("websocket", "/a/:x", RouteId{3}));
  CHECK_FALSE(router.add_upgrade("WebSocket", "/a/:z", RouteId{4}));
  CHECK(find(router, "/a/1") == 1);
}

TEST_CASE("malformed patterns are refused and named") {
  for (const std::string_view pattern :
       {"a", "*", "/a//b", "//", "/*/a", "/a*", "/*a", "/:", "/a/:b-c", "/:a/:a", "/a?b", "/a#b", "/a%20b", "/.",
        "/a/../b", "/a\\b", "/a\nb", "/:caf\xc3\xa9"}) {
    CAPTURE(pattern);
    CHECK(is_refused(pattern));
  }
  Router router;
  CHECK_FALSE(router.add("GET", "", RouteId{1}));
  CHECK_FALSE(router.add("", "/a", RouteId{1}));
  CHECK_FALSE(router.add("GE T", "/a", RouteId{1}));
  CHECK_FALSE(router.add(Method::other, "/a", RouteId{1}));
  CHECK_FALSE(router.add_upgrade("web socket", "/a", RouteId{1}));
}

TEST_CASE("patterns of up to 32 segments are taken") {
  std::string pattern;
  for (int i = 0; i < 32; ++i) pattern += "/:p" + std::to_string(i);
  std::string path;
  for (int i = 0; i < 32; ++i) path += "/" + std::to_string(i);
  const Router router = router_of({pattern, pattern + "/*"});
  CHECK(find(router, path) == 1);
  CHECK(value(router, path, "p31") == "31");
  CHECK(find(router, path + "/") == 2);
  CHECK(value(router, path + "/x/y", "*") == "x/y");
  CHECK(is_refused(pattern + "/:p32"));
}

TEST_CASE("a path of thousands of segments is looked up") {
  const Router router = router_of({"/:a/:b", "/a/b/c", "/x/*"});
  std::string path;
  for (int i = 0; i < 100'000; ++i) path += "/a";
  CHECK(find(router, path) == 0);
  CHECK(find(router, "/x" + path) == 3);
  CHECK(find(router, std::string(100'000, '/')) == 0);
}

TEST_CASE("patterns made for backtracking are searched in bounded time") {
  // A literal and a parameter at each of 12 levels: 4,096 patterns, each node of which is visited at most once.
  Router router;
  std::uint32_t id = 0;
  for (unsigned bits = 0; bits < 1U << 12; ++bits) {
    std::string pattern;
    for (unsigned level = 0; level < 12; ++level) pattern += bits >> level & 1 ? "/a" : "/:p" + std::to_string(level);
    REQUIRE(router.add("GET", pattern + "/end", RouteId{++id}));
  }
  std::string path;
  for (int level = 0; level < 12; ++level) path += "/a";
  for (int i = 0; i < 100; ++i) REQUIRE(find(router, path + "/no") == 0);
  CHECK(find(router, path + "/end") == id);
}

TEST_CASE("the asterisk, the empty path and an empty router find nothing") {
  PathParameters params;
  CHECK(Router().match("GET", "/", {}, params).outcome == Outcome::not_found);
  const Router router = router_of({"/*"});
  CHECK(router.match("OPTIONS", "*", {}, params).outcome == Outcome::not_found);
  CHECK(router.match("CONNECT", "", {}, params).outcome == Outcome::not_found);
}

TEST_CASE("parameter names stay valid when routes are added later") {
  Router router = router_of({"/a/:x"});
  PathParameters params;
  static_cast<void>(router.match("GET", "/a/1", {}, params));
  for (std::uint32_t i = 0; i < 100; ++i) REQUIRE(router.add("M" + std::to_string(i), "/a/:y", RouteId{i}));
  CHECK(params.find("x", "/a/1") == "1");
}
