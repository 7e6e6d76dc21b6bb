#include <doctest/doctest.h>
#include <support/utf8_definition.h>
#include <tidewire/websocket/mask.h>
#include <tidewire/websocket/utf8.h>
#include <algorithm>
#include <string>
#include <vector>

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

// Those that this machine has.
std::vector<CpuLevel> levels() {
  std::vector<CpuLevel> result;
  for (const CpuLevel level : {CpuLevel::portable, CpuLevel::base, CpuLevel::avx2, CpuLevel::avx512}) {
    if (level <= cpu_level()) result.push_back(level);
  }
  return result;
}

constexpr std::uint32_t test_key = 0x3D21FAC3;

// What was learnt of a text: whether it was taken, and whether it may end there.
struct Outcome {
  bool taken = true;
  bool complete = true;
  bool operator==(const Outcome&) const = default;
};

Outcome by_definition(std::string_view text) {
  const support::Utf8Verdict verdict = support::utf8_by_definition(as_bytes(text));
  if (verdict.taken != text.size()) return {.taken = false, .complete = false};
  return {.taken = true, .complete = verdict.begun == 0};
}

Outcome outcome_of(const Utf8& utf8, bool taken) { return {.taken = taken, .complete = taken && utf8.complete()}; }

// Feeds the text in two pieces.
Outcome in_two(std::string_view text, std::size_t split, CpuLevel level) {
  Utf8 utf8;
  const bool taken =
      utf8.feed(as_bytes(text.substr(0, split)), level) && utf8.feed(as_bytes(text.substr(split)), level);
  return outcome_of(utf8, taken);
}

Outcome whole(std::string_view text, CpuLevel level) {
  Utf8 utf8;
  const bool taken = utf8.feed(as_bytes(text), level);
  return outcome_of(utf8, taken);
}

// Characters of one to four bytes, those at the edges of what is allowed among them; cut to `bytes`.
std::string mixed_text(std::size_t bytes, unsigned seed = 1) {
  constexpr unsigned points[] = {'a',    0x7F,   0x80,   0x3B1,  0x7FF,   0x800,   0xFFF,   0x1000,  0x20AC,
                                 0x4E2D, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x1F600, 0x3FFFF, 0x40000, 0x10FFFF};
  std::string text;
  while (text.size() < bytes) {
    seed = seed * 1664525 + 1013904223;
    text += encode(points[(seed >> 16) % std::size(points)]);
  }
  text.resize(bytes);
  return text;
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

TEST_CASE("every level judges a text as the definition does, at each alignment and length") {
  for (const CpuLevel level : levels()) {
    CAPTURE(name_of(level));
    for (std::size_t offset = 0; offset < 64; ++offset) {
      const std::string space = std::string(offset, '\xFF') + mixed_text(300, static_cast<unsigned>(offset)) + "\xFF";
      for (std::size_t size = 0; size <= 300; ++size) {
        const auto text = std::string_view(space).substr(offset, size);
        if (whole(text, level) != by_definition(text)) FAIL_CHECK("offset ", offset, " size ", size);
      }
    }
  }
}

TEST_CASE("every level judges a text in two pieces as it does the whole") {
  for (const CpuLevel level : levels()) {
    CAPTURE(name_of(level));
    for (std::size_t size = 0; size <= 300; ++size) {
      std::string text = mixed_text(size, static_cast<unsigned>(size));
      const Outcome good = by_definition(text);
      for (std::size_t split = 0; split <= size; ++split) {
        if (in_two(text, split, level) != good) FAIL_CHECK("size ", size, " split ", split);
      }
      if (size == 0) continue;
      text[size * 7 / 11] ^= '\x40';
      const Outcome changed = by_definition(text);
      for (std::size_t split = 0; split <= size; ++split) {
        if (in_two(text, split, level) != changed) FAIL_CHECK("changed, size ", size, " split ", split);
      }
    }
  }
}

TEST_CASE("every level refuses a piece exactly if it has a byte that can't be there") {
  const std::string good = mixed_text(160);
  for (const CpuLevel level : levels()) {
    CAPTURE(name_of(level));
    for (std::size_t at = 0; at < good.size(); ++at) {
      for (const char bad : {'a', '\x80', '\xBF', '\xC1', '\xC3', '\xE0', '\xED', '\xF0', '\xF4', '\xF5', '\xFF'}) {
        std::string text = good;
        text[at] = bad;
        for (std::size_t size = at; size <= std::min(at + 5, text.size()); ++size) {
          const auto beginning = std::string_view(text).substr(0, size);
          if (whole(beginning, level) != by_definition(beginning)) FAIL_CHECK("at ", at, " size ", size);
        }
      }
    }
  }
}

TEST_CASE("every level judges every pair of bytes, and three with any pair in front, at the edges of vectors") {
  for (const CpuLevel level : levels()) {
    if (level < CpuLevel::avx2) continue;  // They know no vectors; other tests have all pairs.
    CAPTURE(name_of(level));
    for (const std::size_t edge : {32U, 64U, 128U}) {
      std::string text(200, 'a');
      for (std::size_t at = edge - 2; at <= edge; ++at) {
        for (unsigned pair = 0; pair < 0x10000; ++pair) {
          text[at] = static_cast<char>(pair >> 8);
          text[at + 1] = static_cast<char>(pair & 0xFF);
          for (const char third : {'a', '\x80', '\xBF', '\xC3'}) {
            text[at + 2] = third;
            const auto sequence = std::string_view(text).substr(at);
            if (whole(text, level) != by_definition(sequence.substr(0, 5))) FAIL_CHECK(at, ": ", pair);
          }
        }
        std::fill(text.begin(), text.end(), 'a');
      }
    }
  }
}

TEST_CASE("every level judges four bytes by the edges of what is allowed, at the edges of vectors") {
  constexpr char bytes[] = {'a',    '\x7F', '\x80', '\x8F', '\x90', '\x9F', '\xA0', '\xBF',
                            '\xC2', '\xE0', '\xED', '\xEF', '\xF0', '\xF3', '\xF4', '\xF5'};
  for (const CpuLevel level : levels()) {
    CAPTURE(name_of(level));
    for (std::size_t at = 60; at <= 64; ++at) {
      std::string text(136, 'a');
      for (unsigned choice = 0; choice < 0x10000; ++choice) {
        for (unsigned i = 0; i < 4; ++i) text[at + i] = bytes[choice >> (12 - 4 * i) & 15];
        if (whole(text, level) != by_definition(std::string_view(text).substr(at, 5))) FAIL_CHECK(at, ": ", choice);
      }
    }
  }
}

TEST_CASE("every level finds a character that is cut short in front of much ASCII") {
  for (const CpuLevel level : levels()) {
    CAPTURE(name_of(level));
    for (const std::string_view character : {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"}) {
      for (std::size_t at = 0; at < 700; ++at) {
        std::string text(1200, 'a');
        text.replace(at, character.size(), character);
        if (whole(text, level) != Outcome{}) FAIL_CHECK("whole at ", at);
        for (std::size_t cut = 1; cut < character.size(); ++cut) {
          std::string bad = text;
          std::fill_n(bad.begin() + static_cast<std::ptrdiff_t>(at + cut), character.size() - cut, 'a');
          if (whole(bad, level).taken) FAIL_CHECK("cut at ", at);
          std::string ends = text.substr(0, at + cut);
          if (whole(ends, level) != Outcome{.taken = true, .complete = false}) FAIL_CHECK("ends at ", at);
        }
      }
    }
  }
}

TEST_CASE("every level takes the mask off while it checks, in place and aside, and writes nothing beside") {
  for (const CpuLevel level : levels()) {
    CAPTURE(name_of(level));
    for (std::size_t size = 0; size <= 300; ++size) {
      const std::string text = mixed_text(size, static_cast<unsigned>(size));
      const std::size_t first = size * 3 / 7;
      for (std::size_t offset = 0; offset < 64; offset += size % 3 + 1) {
        std::vector<std::byte> wanted(offset + size + 64, std::byte{0xA5});
        std::vector<std::byte> aside = wanted;
        std::copy(as_bytes(text).begin(), as_bytes(text).end(), wanted.begin() + static_cast<std::ptrdiff_t>(offset));
        std::vector<std::byte> space = wanted;
        const MutableBytes place(space.data() + offset, size);
        copy_masked(place.data(), place, test_key, CpuLevel::portable);

        for (std::byte* const to : {aside.data() + offset, place.data()}) {
          Utf8 utf8;
          const bool taken = utf8.feed_masked(to, place.first(first), test_key, level) &&
                             utf8.feed_masked(to + first, place.subspan(first), rotate_key(test_key, first), level);
          if (outcome_of(utf8, taken) != by_definition(text)) FAIL_CHECK("size ", size, " offset ", offset);
        }
        if (space != wanted || aside != wanted) FAIL_CHECK("bytes: size ", size, " offset ", offset);
      }
    }
  }
}

TEST_CASE("every level refuses masked text with a bad byte, wherever it is") {
  for (const CpuLevel level : levels()) {
    CAPTURE(name_of(level));
    for (std::size_t at = 0; at < 600; ++at) {
      std::string text(600, 'a');
      text[at] = '\xFF';
      std::vector<std::byte> masked(text.size());
      copy_masked(masked.data(), as_bytes(text), test_key, CpuLevel::portable);
      Utf8 utf8;
      if (utf8.feed_masked(masked.data(), masked, test_key, level)) FAIL_CHECK("at ", at);
    }
  }
}

TEST_CASE("the form that is chosen by size judges as the definition does") {
  for (std::size_t size = 0; size <= 700; ++size) {
    for (const bool ascii_first : {false, true}) {
      std::string text = (ascii_first ? std::string(size / 2, 'a') : std::string()) + mixed_text(size);
      for (unsigned change = 0; change < 4; ++change) {
        if (change != 0 && !text.empty()) text[text.size() * change / 4] ^= '\x20';
        const Outcome wanted = by_definition(text);
        Utf8 plain;
        const bool taken = plain.feed(as_bytes(text));
        std::vector<std::byte> masked(text.size());
        copy_masked(masked.data(), as_bytes(text), test_key, CpuLevel::portable);
        Utf8 unmasked;
        const bool unmasked_taken = unmasked.feed_masked(masked.data(), masked, test_key);
        if (outcome_of(plain, taken) != wanted) FAIL_CHECK("plain, size ", size);
        if (outcome_of(unmasked, unmasked_taken) != wanted) FAIL_CHECK("masked, size ", size);
        if (taken && !std::equal(masked.begin(), masked.end(), as_bytes(text).begin()))
          FAIL_CHECK("bytes, size ", size);
      }
    }
  }
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
