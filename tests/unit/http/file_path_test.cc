#include <doctest/doctest.h>
#include <tidewire/http/file_path.h>
#include <tidewire/http/parser.h>
#include <tidewire/http/router.h>
#include <string>
#include <string_view>

using namespace tidewire;
using namespace tidewire::http;

namespace {

std::string joined(std::string_view name, std::string_view folder = "/srv/www") {
  const auto path = join_path(folder, name);
  if (path) return path->string();
  CHECK(path.error().code == Errc::invalid_argument);
  return "refused";
}

}  // namespace

TEST_SUITE_BEGIN("http file path");

TEST_CASE("a name is joined to the folder as it is") {
  CHECK(joined("a.txt") == "/srv/www/a.txt");
  CHECK(joined("a/b/c.d") == "/srv/www/a/b/c.d");
  CHECK(joined("a/") == "/srv/www/a/");
  CHECK(joined("") == "/srv/www");
  CHECK(joined("...") == "/srv/www/...");
  CHECK(joined("..a/b..") == "/srv/www/..a/b..");
  CHECK(joined(".hidden") == "/srv/www/.hidden");
  CHECK(joined("caf\xc3\xa9 1") == "/srv/www/caf\xc3\xa9 1");
  CHECK(joined("a", "www/") == "www/a");
}

TEST_CASE("a name that leads elsewhere, or names a file in a second way, is refused") {
  using namespace std::string_view_literals;
  for (const std::string_view name :
       {"/"sv,   "/etc/hostname"sv, "//etc/hostname"sv, ".."sv,  "../x"sv, "a/../x"sv, "a/.."sv,  "."sv,     "./a"sv,
        "a/."sv, "a/./b"sv,         "a//b"sv,           "a//"sv, "a\\b"sv, "..\\x"sv,  "\\etc"sv, "C:\\x"sv, "a\0b"sv,
        "\0"sv,  "a/../"sv}) {
    CAPTURE(name);
    CHECK(joined(name) == "refused");
  }
}

TEST_CASE("whatever a client sends, what a route takes and joins stays below the folder") {
  Router router;
  REQUIRE(router.add("GET", "/static/*", RouteId{1}));
  REQUIRE(router.add("GET", "/one/:name", RouteId{2}));
  for (const std::string_view path :
       {"/static//etc/hostname", "/static/%2Fetc/hostname", "/static/%2f%2Fetc/hostname", "/static///", "/static/a%2F",
        "/static/%5Cetc", "/static/\\etc", "/static/a%2F%2Fb", "/one/%2Fetc%2Fhostname", "/one/a%2Fb", "/one/%5C"}) {
    CAPTURE(path);
    const std::string head = "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n";
    Request request;
    RequestParser parser;
    REQUIRE(parser.parse(head, request).kind == Progress::Kind::complete);
    RouteMatch match;
    router.match(request, match);
    REQUIRE(match.outcome == RouteMatch::Outcome::found);
    const std::string_view name = match.id == RouteId{1} ? request.wildcard() : request.param("name");
    const std::string result = joined(name);
    CHECK((result == "refused" || result.starts_with("/srv/www")));
    if (match.id == RouteId{1}) CHECK_FALSE(request.wildcard().starts_with('/'));
  }
}

TEST_SUITE_END();
