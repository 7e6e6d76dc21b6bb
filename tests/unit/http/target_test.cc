#include <doctest/doctest.h>
#include <tidewire/http/target.h>
#include <string>

using namespace tidewire::http;

namespace {

struct Parts {
  bool valid;
  TargetForm form;
  std::string authority;
  std::string path;
  std::string query;
  bool has_query;
};

Parts parts(std::string_view text, Method method = Method::get) {
  Target target;
  const bool valid = parse_target(text, method, target) == nullptr;
  if (!valid) return {false, TargetForm::origin, "", "", "", false};
  const char* base = text.data();
  return {true,
          target.form,
          std::string(target.authority.of(base)),
          std::string(target.path.of(base)),
          std::string(target.query.of(base)),
          target.has_query};
}

bool valid(std::string_view text, Method method = Method::get) { return parts(text, method).valid; }

}  // namespace

TEST_CASE("an origin form is split into path and query") {
  CHECK(parts("/").path == "/");
  CHECK(parts("/a/b?c=d?e&f").path == "/a/b");
  CHECK(parts("/a/b?c=d?e&f").query == "c=d?e&f");
  CHECK(parts("/a").form == TargetForm::origin);
  CHECK_FALSE(parts("/a").has_query);
  CHECK(parts("/a?").has_query);
  CHECK(parts("/a?").query.empty());
}

TEST_CASE("an absolute form brings its authority") {
  const Parts p = parts("http://example.org:8080/a?b");
  CHECK(p.form == TargetForm::absolute);
  CHECK(p.authority == "example.org:8080");
  CHECK(p.path == "/a");
  CHECK(p.query == "b");
  CHECK(parts("HTTPS://[::1]/x").authority == "[::1]");
}

TEST_CASE("an absolute form without a path has the path /") {
  CHECK(parts("http://example.org").path == "/");
  CHECK(parts("http://example.org?q").path == "/");
  CHECK(parts("http://example.org?q").query == "q");
}

TEST_CASE("an absolute form needs a scheme of HTTP and a valid authority") {
  CHECK_FALSE(valid("ftp://example.org/"));
  CHECK_FALSE(valid("http:/example.org/"));
  CHECK_FALSE(valid("http:///path"));
  CHECK_FALSE(valid("http://user@example.org/"));
  CHECK_FALSE(valid("http://example.org:99999/"));
  CHECK_FALSE(valid("http://exa\\mple/"));
  CHECK_FALSE(valid("example.org/"));
  CHECK_FALSE(valid("http"));
}

TEST_CASE("the asterisk form is for OPTIONS alone") {
  CHECK(parts("*", Method::options).form == TargetForm::asterisk);
  CHECK(parts("*", Method::options).path == "*");
  CHECK_FALSE(valid("*"));
  CHECK_FALSE(valid("*a", Method::options));
}

TEST_CASE("CONNECT has the authority form and no other") {
  const Parts p = parts("example.org:443", Method::connect);
  CHECK(p.form == TargetForm::authority);
  CHECK(p.authority == "example.org:443");
  CHECK(p.path.empty());
  CHECK_FALSE(valid("/", Method::connect));
  CHECK_FALSE(valid("example.org", Method::connect));
  CHECK_FALSE(valid("example.org:", Method::connect));
  CHECK_FALSE(valid("example.org:443"));
}

TEST_CASE("only visible ASCII without a fragment is taken") {
  CHECK_FALSE(valid(""));
  for (const char c : std::string_view("\x01\t\r\n \x7f\x80\xff#")) {
    CAPTURE(static_cast<int>(c));
    CHECK_FALSE(valid(std::string("/a") + c + "b"));
    CHECK_FALSE(valid(std::string("/a?b") + c));
  }
  CHECK_FALSE(valid(std::string_view("/a\0", 3)));
}

TEST_CASE("what browsers send unencoded passes") {
  CHECK(valid("/a|b{c}^`\"<>?d=|{}^`\"<>\\[]"));
  CHECK(valid("/a\\b"));
}

TEST_CASE("a percent sign in the path needs two hexadecimal digits, up to its end") {
  CHECK(valid("/%41%7e%e2%82%aC"));
  CHECK_FALSE(valid("/%"));
  CHECK_FALSE(valid("/%4"));
  CHECK_FALSE(valid("/%?41"));
  CHECK_FALSE(valid("/a%zz"));
  CHECK_FALSE(valid("/a%4g"));
  CHECK_FALSE(valid("/a%%41"));
}

TEST_CASE("an encoded NUL in the path is refused") { CHECK_FALSE(valid("/a%00b")); }

TEST_CASE("a badly encoded query is for its reader to refuse") { CHECK(valid("/a?100%")); }

TEST_CASE("dot segments are refused, plain and encoded, between slashes and back-slashes of either kind") {
  for (const std::string_view path : {"/.",
                                      "/..",
                                      "/./a",
                                      "/../a",
                                      "/a/.",
                                      "/a/..",
                                      "/a/../b",
                                      "/a/./b",
                                      "/%2e",
                                      "/%2E%2e/",
                                      "/.%2e/a",
                                      "/a/%2e./b",
                                      "/..\\a",
                                      "/a\\..\\b",
                                      "/a\\..",
                                      "/..%2fa",
                                      "/a%2f..%2Fb",
                                      "/a%5c..",
                                      "/a%5C%2e%2e%5cb",
                                      "/a%2f%2e%2e"}) {
    CAPTURE(path);
    CHECK_FALSE(valid(path));
    CHECK_FALSE(valid("http://example.org" + std::string(path)));
  }
}

TEST_CASE("dots elsewhere are only characters") {
  for (const std::string_view path : {"/...", "/a..", "/..a", "/.well-known/x", "/a.b", "/a/b.js", "/a?../..", "//",
                                      "/a//b", "/%2e%2e%2e", "/.%20"}) {
    CAPTURE(path);
    CHECK(valid(path));
  }
}

TEST_CASE("a host is a name, an IPv4 or a bracketed IPv6 address, and perhaps a port") {
  for (const std::string_view host : {"localhost", "example.org", "127.0.0.1", "[::1]", "[2001:db8::1]:443", "a:80",
                                      "a:", "under_score", "xn--bcher-kva.example", "caf%C3%A9", "[::ffff:1.2.3.4]"}) {
    CAPTURE(host);
    CHECK(is_host(host));
  }
}

TEST_CASE("what is not a host is refused") {
  for (const std::string_view host :
       {"",    ":80",  "a:b",  "a:80:80", "a:65536",     "a:-1",  "a b",    "a/b",          "a@b",
        "a?b", "a#b",  "[::1", "::1",     "[]",          "[g::]", "[::1]x", "[::1%25eth0]", "a%",
        "a%4", "a%zz", "a\\b", "a<b",     "caf\xc3\xa9", "[v1.a]"}) {
    CAPTURE(host);
    CHECK_FALSE(is_host(host));
  }
  CHECK_FALSE(is_host("[" + std::string(100, ':') + "]"));
  CHECK_FALSE(is_host(std::string_view("[::1\0]", 6)));
}

TEST_CASE("percent-encoding is decoded") {
  std::string out = "x";
  CHECK(percent_decode("a%20b%2Fc%2f+", out));
  CHECK(out == "xa b/c/+");
}

TEST_CASE("bad percent-encoding leaves the output alone") {
  for (const std::string_view text : {"ab%", "ab%4", "ab%4x", "ab%x4", "ab%00"}) {
    std::string out = "x";
    CAPTURE(text);
    CHECK_FALSE(percent_decode(text, out));
    CHECK(out == "x");
  }
}

TEST_CASE("decoding stops at the end of a view that more text follows") {
  std::string out;
  CHECK_FALSE(percent_decode(std::string_view("%41").substr(0, 2), out));
}

TEST_CASE("what is encoded decodes to itself") {
  std::string all;
  for (int c = 1; c < 256; ++c) all.push_back(static_cast<char>(c));
  std::string decoded;
  CHECK(percent_decode(percent_encode(all), decoded));
  CHECK(decoded == all);
  CHECK(percent_encode("a/b c~") == "a%2Fb%20c~");
}

TEST_CASE("query parameters are looked up decoded") {
  CHECK(query_parameter("a=1&b=2", "b") == "2");
  CHECK(query_parameter("a=1&a=2", "a") == "1");
  CHECK(query_parameter("a=x+y%2Bz", "a") == "x y+z");
  CHECK(query_parameter("%61=1", "a") == "1");
  CHECK(query_parameter("a=b=c", "a") == "b=c");
  CHECK(query_parameter("a&b", "a") == "");
  CHECK(query_parameter("a=", "a") == "");
}

TEST_CASE("a parameter that is absent or badly encoded has no value") {
  CHECK_FALSE(query_parameter("", "a"));
  CHECK_FALSE(query_parameter("ab=1", "a"));
  CHECK_FALSE(query_parameter("a=%", "a"));
  CHECK_FALSE(query_parameter("a=%4", "a"));
  CHECK_FALSE(query_parameter("&&", ""));
  CHECK(query_parameter("%zz=1&a=2", "a") == "2");
}
