#include <doctest/doctest.h>
#include <tidewire/websocket/origin.h>
#include <string>
#include <vector>

using namespace tidewire;
using namespace tidewire::websocket;

namespace {

bool same(std::string_view origin, std::string_view host) { return origin_allowed(origin, host, {}); }

bool listed(std::string_view origin, std::vector<std::string> allowed) {
  return origin_allowed(origin, "example.com", allowed);
}

// The fields of a head, one "Name: value" a line.
class Head {
 public:
  explicit Head(std::string_view text) : text_(text) {
    std::size_t at = 0;
    while (at < text_.size()) {
      const std::size_t colon = text_.find(": ", at);
      const std::size_t end = text_.find('\n', at);
      slices_.push_back({slice(at, colon), slice(colon + 2, end)});
      at = end + 1;
    }
  }
  [[nodiscard]] http::Fields fields() const { return {text_.data(), slices_}; }

 private:
  static http::Slice slice(std::size_t from, std::size_t to) {
    return {static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to - from)};
  }

  std::string text_;
  std::vector<http::FieldSlices> slices_;
};

}  // namespace

TEST_CASE("the same host and port is the same origin, whatever the case") {
  CHECK(same("http://example.com", "example.com"));
  CHECK(same("https://example.com", "example.com"));
  CHECK(same("http://localhost:8080", "localhost:8080"));
  CHECK(same("HTTP://Example.COM", "example.com"));
  CHECK(same("http://[::1]:8080", "[::1]:8080"));
  CHECK(same("http://[::1]", "[::1]"));
}

TEST_CASE("a missing port is that of the origin's scheme") {
  CHECK(same("http://example.com", "example.com:80"));
  CHECK(same("https://example.com", "example.com:443"));
  CHECK(same("https://example.com:443", "example.com"));
  CHECK_FALSE(same("https://example.com", "example.com:80"));
  CHECK_FALSE(same("http://example.com", "example.com:443"));
}

TEST_CASE("an empty port is a missing one") { CHECK(same("http://example.com:", "example.com:80")); }

TEST_CASE("another host or port is another origin") {
  CHECK_FALSE(same("http://example.com", "example.org"));
  CHECK_FALSE(same("http://example.com:8080", "example.com:8081"));
  CHECK_FALSE(same("http://example.com:8080", "example.com"));
  CHECK_FALSE(same("http://[::1]:8080", "[::2]:8080"));
}

TEST_CASE("a host that contains ours, or is contained in it, is another origin") {
  for (const char* origin :
       {"http://evil-example.com", "http://example.com.evil.org", "http://www.example.com", "http://example.co",
        "http://xample.com", "http://example.com.", "http://evil.org/example.com", "http://evil.org#example.com",
        "http://evil.org?example.com", "http://example.com@evil.org", "http://user@example.com",
        "http://example.com\\evil.org", "http://example.com, http://evil.org"}) {
    CAPTURE(origin);
    CHECK_FALSE(same(origin, "example.com"));
  }
}

TEST_CASE("null and what isn't an origin are refused") {
  for (const char* origin : {"null", "", "example.com", "://example.com", "file://example.com", "ftp://example.com",
                             "http:example.com", "http://", "http://:80", "http://[::1", "http://example.com:80:80",
                             "http://example.com:8x", "http://example.com/"}) {
    CAPTURE(origin);
    CHECK_FALSE(same(origin, "example.com"));
  }
}

TEST_CASE("what isn't a port is refused, even if both say it") {
  for (const char* port : {":8x", ":-1", ":123456", ": 80"}) {
    CAPTURE(port);
    const std::string host = std::string("example.com") + port;
    CHECK_FALSE(same("http://" + host, host));
  }
}

TEST_CASE("no host is nobody's origin") {
  CHECK_FALSE(same("http://", ""));
  CHECK_FALSE(same("http://example.com", ""));
  CHECK_FALSE(same("http://:80", ":80"));
}

TEST_CASE("a listed origin is allowed by its whole text") {
  CHECK(listed("https://app.example", {"https://other.example", "https://app.example"}));
  CHECK(listed("https://APP.example", {"https://app.example"}));
  for (const char* origin : {"http://app.example", "https://app.example:8443", "https://app.example.evil.org",
                             "https://evil.app.example", "https://app.exampl", "null", ""}) {
    CAPTURE(origin);
    CHECK_FALSE(listed(origin, {"https://app.example"}));
  }
}

TEST_CASE("a list doesn't imply the same origin") {
  CHECK_FALSE(listed("http://example.com", {"https://app.example"}));
}

TEST_CASE("null is allowed where it is listed") { CHECK(listed("null", {"null"})); }

TEST_CASE("a star allows every origin") {
  CHECK(listed("http://anywhere", {"*"}));
  CHECK(listed("null", {"*"}));
}

TEST_CASE("a request without Origin passes") {
  CHECK(origin_allowed(Head("Host: example.com\n").fields(), {}));
  CHECK(origin_allowed(Head("Host: example.com\n").fields(), std::vector<std::string>{"https://app.example"}));
}

TEST_CASE("a request's Origin is held against its Host") {
  CHECK(origin_allowed(Head("Host: example.com\nOrigin: http://example.com\n").fields(), {}));
  CHECK_FALSE(origin_allowed(Head("Host: example.com\nOrigin: http://evil.org\n").fields(), {}));
  CHECK_FALSE(origin_allowed(Head("Origin: http://example.com\n").fields(), {}));
}

TEST_CASE("a request with two Origins is refused") {
  CHECK_FALSE(
      origin_allowed(Head("Host: example.com\nOrigin: http://example.com\nOrigin: http://example.com\n").fields(), {}));
}

TEST_CASE("over TLS, a page that came in the clear is of another origin, whatever its host") {
  CHECK(origin_allowed("https://example.com", "example.com", {}, true));
  CHECK(origin_allowed("HTTPS://example.com:8443", "example.com:8443", {}, true));
  CHECK_FALSE(origin_allowed("http://example.com", "example.com", {}, true));
  CHECK_FALSE(origin_allowed("http://example.com:443", "example.com", {}, true));
  CHECK(origin_allowed("http://example.com", "example.com", std::vector<std::string>{"http://example.com"}, true));
  CHECK_FALSE(origin_allowed(Head("Host: example.com\nOrigin: http://example.com\n").fields(), {}, true));
}
