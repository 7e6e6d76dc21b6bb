#include <doctest/doctest.h>
#include <tidewire/http/scan_internal.h>
#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

using namespace tidewire::http::detail;

namespace {

// Puts each byte at each place of texts of each size up to 40, in memory that ends with the text, and scans each text
// from its start and from its middle.
template <class Scan, class Stops>
void check_scan(char filler, Scan scan, Stops stops) {
  for (std::size_t size = 1; size <= 40; ++size) {
    const auto text = std::make_unique<char[]>(size);
    const char* end = text.get() + size;
    for (std::size_t place = 0; place < size; ++place) {
      std::fill_n(text.get(), size, filler);
      for (int c = 0; c < 256; ++c) {
        text[place] = static_cast<char>(c);
        const char* expected = stops(static_cast<char>(c)) ? text.get() + place : end;
        REQUIRE(scan(text.get(), text.get(), end) == expected);
        const char* middle = text.get() + size / 2;
        REQUIRE(scan(text.get(), middle, end) == (expected < middle ? end : expected));
      }
    }
  }
}

std::vector<std::size_t> marks_of(std::string_view text) {
  std::vector<std::size_t> marks;
  const char* end = text.data() + text.size();
  ControlMarks controls(text.data(), end);
  for (const char* at = controls.next(); at != end; at = controls.next()) {
    marks.push_back(static_cast<std::size_t>(at - text.data()));
  }
  return marks;
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

TEST_CASE("the end of what is plain in a path is found wherever it is") {
  const auto stops = [](char c) { return !is_in(plain_path_characters, c); };
  for (const char filler : {'a', '/', '9', '_', '-'}) check_scan(filler, skip_plain_path, stops);
}

TEST_CASE("words and single bytes find what lanes find") {
  const auto by_words = [](const char*, const char* at, const char* end) { return find_by_words<Control>(at, end); };
  check_scan('a', by_words, is_control);
  const auto by_bytes = [](const char*, const char* at, const char* end) { return find_by_bytes<NotVisible>(at, end); };
  check_scan('a', by_bytes, [](char c) { return !is_visible(c); });
}

TEST_CASE("the first of several bytes is found") {
  const std::string text = "abcdefg\x7f\x80\x01\xff";
  const char* begin = text.data();
  CHECK(find_control(begin, begin, begin + text.size()) == begin + 7);
  CHECK(skip_visible(begin, begin, begin + text.size()) == begin + 7);
}

TEST_CASE("a colon behind a common name is found, and no other") {
  const auto find = [](std::string_view text) -> std::ptrdiff_t {
    const char* at = find_colon(text.data(), text.data() + text.size());
    return at == nullptr ? -1 : at - text.data();
  };
#if defined(__SSE2__)
  CHECK(find("Host: example.org") == 4);
  CHECK(find(":: example.org...") == 0);
  CHECK(find("fifteen-letters: ") == 15);
#endif
  CHECK(find("sixteen--letters: ") == -1);
  CHECK(find("Host : example.or") == -1);
  CHECK(find("X_Y: example.org ") == -1);
  CHECK(find("Host: example") == -1);
}

TEST_CASE("control characters are marked one after the other, in texts of any size") {
  for (std::size_t size = 0; size <= 200; ++size) {
    const auto text = std::make_unique<char[]>(size);
    for (const std::size_t period : {1U, 2U, 7U, 16U, 63U, 64U, 65U}) {
      std::vector<std::size_t> expected;
      for (std::size_t at = 0; at < size; ++at) {
        const bool is_marked = at % period == period - 1;
        text[at] = is_marked ? "\r\n\t\x7f"[at % 4] : "a \x80\xff"[at % 4];
        if (is_marked) expected.push_back(at);
      }
      REQUIRE(marks_of({text.get(), size}) == expected);
    }
  }
}

TEST_CASE("every control character is marked, and no other byte") {
  std::string text;
  std::vector<std::size_t> expected;
  for (std::size_t c = 0; c < 256; ++c) {
    text.push_back(static_cast<char>(c));
    if (is_control(static_cast<char>(c))) expected.push_back(c);
  }
  CHECK(marks_of(text) == expected);
}

TEST_CASE("a control character is skipped, in the same block of bytes and in the next") {
  for (const std::size_t before : {0U, 10U, 62U, 63U, 64U}) {
    const std::string text = std::string(before, 'a') + "\r\nb\t";
    ControlMarks controls(text.data(), text.data() + text.size());
    CHECK(controls.next() == text.data() + before);
    controls.skip();
    CHECK(controls.next() == text.data() + before + 3);
    CHECK(controls.next() == text.data() + text.size());
  }
}
