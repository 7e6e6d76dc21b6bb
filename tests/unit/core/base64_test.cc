#include <doctest/doctest.h>
#include <tidewire/core/base64.h>
#include <string>

using namespace tidewire;

namespace {

std::string encoded(std::string_view text) {
  std::string to;
  append_base64(to, as_bytes(text));
  return to;
}

std::string decoded(std::string_view text) {
  const auto bytes = decode_base64(text);
  REQUIRE(bytes);
  return std::string(as_text(*bytes));
}

}  // namespace

TEST_CASE("base64 encodes the examples of RFC 4648") {
  CHECK(encoded("") == "");
  CHECK(encoded("f") == "Zg==");
  CHECK(encoded("fo") == "Zm8=");
  CHECK(encoded("foo") == "Zm9v");
  CHECK(encoded("foob") == "Zm9vYg==");
  CHECK(encoded("fooba") == "Zm9vYmE=");
  CHECK(encoded("foobar") == "Zm9vYmFy");
}

TEST_CASE("base64 appends behind what is there") {
  std::string to = "key: ";
  append_base64(to, as_bytes("foo"));
  CHECK(to == "key: Zm9v");
}

TEST_CASE("base64 decodes what it encoded, for each byte in each place") {
  for (unsigned value = 0; value < 256; ++value) {
    for (std::size_t size = 1; size <= 7; ++size) {
      for (std::size_t at = 0; at < size; ++at) {
        std::string text(size, 'x');
        text[at] = static_cast<char>(value);
        CHECK(decoded(encoded(text)) == text);
      }
    }
  }
}

TEST_CASE("base64 refuses a length that is no multiple of four") {
  for (const char* text : {"Z", "Zg", "Zg=", "Zm9vY", "Zm9vYg", "Zm9vYg="}) {
    CAPTURE(text);
    CHECK_FALSE(decode_base64(text));
  }
}

TEST_CASE("base64 refuses padding anywhere but at the end, and more than two of it") {
  for (const char* text : {"=g==", "Z===", "====", "Zg==Zg==", "Z=g=", "Zm=v"}) {
    CAPTURE(text);
    CHECK_FALSE(decode_base64(text));
  }
}

TEST_CASE("base64 refuses what is outside of its alphabet") {
  for (unsigned value = 0; value < 256; ++value) {
    const char c = static_cast<char>(value);
    const bool digit =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '+' || c == '/';
    const std::string text{'Z', c, '9', 'v'};
    CAPTURE(value);
    CHECK(decode_base64(text).has_value() == digit);
  }
}

TEST_CASE("base64 refuses left-over bits that aren't zero") {
  CHECK_FALSE(decode_base64("Zh=="));
  CHECK_FALSE(decode_base64("Zm9="));
  CHECK(decode_base64("Zm8="));
}
