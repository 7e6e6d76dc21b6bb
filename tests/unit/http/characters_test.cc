#include <doctest/doctest.h>
#include <tidewire/http/characters_internal.h>
#include <algorithm>
#include <memory>
#include <string>

using namespace tidewire::http::detail;

namespace {

// Puts each byte at each place of texts of each size up to 40, in memory that ends with the text.
template <class Scan, class Stops>
void check_scan(char filler, Scan scan, Stops stops) {
  for (std::size_t size = 1; size <= 40; ++size) {
    for (std::size_t place = 0; place < size; ++place) {
      const auto text = std::make_unique<char[]>(size);
      std::fill_n(text.get(), size, filler);
      for (int c = 0; c < 256; ++c) {
        text[place] = static_cast<char>(c);
        const char* found = scan(text.get(), text.get() + size);
        REQUIRE(static_cast<std::size_t>(found - text.get()) == (stops(static_cast<char>(c)) ? place : size));
      }
    }
  }
}

}  // namespace

TEST_CASE("control characters are found wherever they stand") { check_scan('a', find_control, is_control); }

TEST_CASE("bytes that are not visible are found wherever they stand") {
  check_scan('a', skip_visible, [](char c) { return !is_visible(c); });
}

TEST_CASE("the end of a token is found wherever it is") {
  const auto stops = [](char c) { return !is_token_character(c); };
  check_scan('a', skip_token, stops);
  check_scan('-', skip_token, stops);
  check_scan('_', skip_token, stops);
}

TEST_CASE("the first of several bytes is found") {
  const std::string text = "abcdefg\x7f\x80\x01\xff";
  CHECK(find_control(text.data(), text.data() + text.size()) == text.data() + 7);
  CHECK(skip_visible(text.data(), text.data() + text.size()) == text.data() + 7);
}

TEST_CASE("a name is matched without case, and by no other character") {
  CHECK(is_name("Host", "host"));
  CHECK(is_name("CONTENT-LENGTH", "content-length"));
  CHECK(is_name("tRANSFER-eNCODING", "transfer-encoding"));
  std::string name = "transfer-encoding";
  for (std::size_t place = 0; place < name.size(); ++place) {
    const char right = name[place];
    for (int c = 0x20; c < 256; ++c) {
      name[place] = static_cast<char>(c);
      REQUIRE(is_name(name.data(), "transfer-encoding") == (to_lower(static_cast<char>(c)) == right));
    }
    name[place] = right;
  }
}

TEST_CASE("hexadecimal digits and nothing else have a value") {
  int count = 0;
  for (int c = 0; c < 256; ++c) count += hex_value(static_cast<char>(c)) >= 0 ? 1 : 0;
  CHECK(count == 22);
  CHECK(hex_value('0') == 0);
  CHECK(hex_value('f') == 15);
  CHECK(hex_value('A') == 10);
}
