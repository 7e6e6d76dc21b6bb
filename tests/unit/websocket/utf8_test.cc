#include <doctest/doctest.h>
#include <tidewire/websocket/utf8.h>
#include <string>

using namespace tidewire;
using namespace tidewire::websocket;

namespace {

// UTF-8 by the formula of RFC 3629, for any number, good or not.
std::string encode(unsigned point) {
  const auto c = [](unsigned value) { return static_cast<char>(value); };
  if (point < 0x80) return {c(point)};
  if (point < 0x800) return {c(0xC0 | point >> 6), c(0x80 | (point & 63))};
  if (point < 0x10000) return {c(0xE0 | point >> 12), c(0x80 | (point >> 6 & 63)), c(0x80 | (point & 63))};
  return {c(0xF0 | point >> 18), c(0x80 | (point >> 12 & 63)), c(0x80 | (point >> 6 & 63)), c(0x80 | (point & 63))};
}

bool valid(std::string_view text) { return is_utf8(as_bytes(text)); }

// How many bytes are taken, one at a time, before one is refused; the size if none is.
std::size_t accepted(std::string_view text) {
  Utf8 utf8;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!utf8.feed(as_bytes(text.substr(at, 1)))) return at;
  }
  return text.size();
}

}  // namespace

TEST_CASE("every code point but the surrogates is UTF-8, alone and amid ASCII") {
  for (unsigned point = 0; point <= 0x1FFFFF; ++point) {
    const bool good = point <= 0x10FFFF && !(point >= 0xD800 && point <= 0xDFFF);
    const std::string text = encode(point);
    if (valid(text) != good) FAIL_CHECK("point ", point, " alone");
    if (valid(text + "0123456789abcdef") != good) FAIL_CHECK("point ", point, " in front");
    if (valid("0123456789abcdef0" + text) != good) FAIL_CHECK("point ", point, " behind");
  }
}

TEST_CASE("overlong forms are not UTF-8") {
  for (const char* text : {"\xC0\x80", "\xC0\xAF", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xF0\x80\x80\x80",
                           "\xF0\x8F\xBF\xBF", "\xF8\x88\x80\x80\x80", "\xFC\x84\x80\x80\x80\x80"}) {
    CHECK_FALSE(valid(text));
    CHECK_FALSE(valid(std::string(text) + "abcdefgh"));
  }
}

TEST_CASE("every pair of bytes is judged alike whole, in pieces, and with more behind it") {
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned second = 0; second < 256; ++second) {
      const std::string text{static_cast<char>(first), static_cast<char>(second), '\x80', '\x80', 'a', 'b', 'c', 'd'};
      if (valid(text) != (accepted(text) == text.size())) FAIL_CHECK(first, " ", second);
    }
  }
}

TEST_CASE("every split of a text gives the same verdict") {
  const std::string good = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z 0123456789abcdef \xEF\xBF\xBF\xF4\x8F\xBF\xBF";
  const std::string bad = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z 0123456789abcdef \xED\xA0\x80";
  for (const std::string& text : {good, bad}) {
    for (std::size_t split = 0; split <= text.size(); ++split) {
      Utf8 utf8;
      const bool taken = utf8.feed(as_bytes(text.substr(0, split))) && utf8.feed(as_bytes(text.substr(split)));
      if ((taken && utf8.complete()) != (text == good)) FAIL_CHECK("split ", split);
    }
  }
}

TEST_CASE("a text that stops inside a character is taken so far, and incomplete") {
  for (const char* text : {"\xC3", "\xE2\x82", "\xE2", "\xF0\x9F\x98", "\xF0\x9F", "\xF0"}) {
    Utf8 utf8;
    CHECK(utf8.feed(as_bytes(text)));
    CHECK_FALSE(utf8.complete());
    CHECK_FALSE(valid(text));
    CHECK_FALSE(valid("0123456789abcdef" + std::string(text)));
  }
}

TEST_CASE("the first byte that can't be there fails, not the end of its character") {
  CHECK(accepted("\xF4\x90\x80\x80") == 1);
  CHECK(accepted("\xED\xA0\x80") == 1);
  CHECK(accepted("\xE0\x80\x80") == 1);
  CHECK(accepted("\xF0\x9F\x41") == 2);
  CHECK(accepted("abc\xFF") == 3);
  CHECK(accepted("abc\x80") == 3);
  CHECK(accepted("\xF5") == 0);
}

TEST_CASE("a bad byte is found wherever it is among ASCII") {
  for (std::size_t size = 1; size <= 70; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'x');
      CHECK(valid(text));
      text[at] = '\xFF';
      if (valid(text)) FAIL_CHECK("size ", size, " at ", at);
    }
  }
}

TEST_CASE("an empty text is UTF-8 and complete") {
  Utf8 utf8;
  CHECK(utf8.feed({}));
  CHECK(utf8.complete());
}

TEST_CASE("reset forgets a character under way") {
  Utf8 utf8;
  CHECK(utf8.feed(as_bytes("\xE2\x82")));
  utf8.reset();
  CHECK(utf8.complete());
  CHECK(utf8.feed(as_bytes("a")));
}

TEST_CASE("the state is four bytes or less") { CHECK(sizeof(Utf8) <= 4); }

TEST_CASE("a text is cut between characters") {
  CHECK(truncate_utf8("hello", 5) == "hello");
  CHECK(truncate_utf8("hello", 9) == "hello");
  CHECK(truncate_utf8("hello", 3) == "hel");
  CHECK(truncate_utf8("a\xE2\x82\xAC", 3) == "a");
  CHECK(truncate_utf8("a\xE2\x82\xAC", 4) == "a\xE2\x82\xAC");
  CHECK(truncate_utf8("\xF0\x9F\x98\x80", 3) == "");
  CHECK(truncate_utf8("x", 0) == "");
}
