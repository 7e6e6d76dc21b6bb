#include <doctest/doctest.h>
#include <tidewire/tls/digest.h>
#include <algorithm>
#include <string>
#include <vector>

using namespace tidewire;

namespace {

std::string hex_of(Bytes bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    text += digits[std::to_integer<unsigned>(byte) >> 4];
    text += digits[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

}  // namespace

TEST_CASE("sha1 of nothing") { CHECK(hex_of(tls::sha1({}).value()) == "da39a3ee5e6b4b0d3255bfef95601890afd80709"); }

TEST_CASE("sha1 of the examples of FIPS 180") {
  CHECK(hex_of(tls::sha1(as_bytes("abc")).value()) == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(hex_of(tls::sha1(as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")).value()) ==
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}

TEST_CASE("random bytes fill all of the space and differ from time to time") {
  std::vector<std::byte> first(4096);
  std::vector<std::byte> second(4096);
  REQUIRE(tls::random_bytes(first));
  REQUIRE(tls::random_bytes(second));
  CHECK(first != second);
  // 64 zero bytes in a row come by chance once in 2^512.
  for (std::size_t at = 0; at < first.size(); at += 64) {
    CHECK(std::any_of(first.begin() + static_cast<std::ptrdiff_t>(at),
                      first.begin() + static_cast<std::ptrdiff_t>(at + 64),
                      [](std::byte b) { return b != std::byte{}; }));
  }
}

TEST_CASE("random bytes into no space are a success") { CHECK(tls::random_bytes({})); }
