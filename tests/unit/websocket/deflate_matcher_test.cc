#include <doctest/doctest.h>
#include <support/inflate_definition.h>
#include <support/json_text.h>
#include <support/noise.h>
#include <tidewire/websocket/deflate_matcher.h>
#include <string>
#include <vector>

using namespace tidewire;
using namespace tidewire::websocket::detail;
using support::json_text;
using support::noise;

namespace {

constexpr DeflateMatcher::Effort greedy = {false, 64, 258};
constexpr DeflateMatcher::Effort lazy = {true, 64, 258};

/// A matcher, and blocks that are written as soon as they are full and at the end of each text.
struct Compressing {
  DeflateMatcher matcher;
  std::string before = {};  // What may be referred to.

  /// What the text is with the marker, once it has been found to say just that, within the window.
  std::size_t bytes(std::string_view text, std::size_t window) {
    std::vector<std::byte> memory(text.size() * 2 + 1000);
    BitWriter writer(memory.data());
    DeflateBlock block;
    Bytes said = as_bytes(text);
    std::size_t in_block = 0;
    const auto write = [&] {
      block.write(writer, said.first(in_block));
      said = said.subspan(in_block);
      in_block = 0;
    };
    for (Bytes rest = as_bytes(text); !rest.empty();) {
      matcher.add(rest);
      while (const std::size_t more = matcher.parse(block)) {
        in_block += more;
        if (block.is_full()) write();
      }
    }
    if (!block.empty()) write();
    CHECK(said.empty());
    write_sync_marker(writer);
    const auto size = static_cast<std::size_t>(writer.end() - memory.data());
    const auto inflated = support::inflate_by_definition(Bytes(memory).first(size), before);
    CHECK(inflated.good);
    CHECK(inflated.max_distance <= window);
    CHECK(inflated.text == text);
    before += text;
    return size;
  }
};

}  // namespace

TEST_CASE("text of any length is said by tokens that reach no further back than the window") {
  for (unsigned window_bits = 8; window_bits <= 15; ++window_bits) {
    for (const auto effort : {greedy, lazy}) {
      Compressing compressing{DeflateMatcher(window_bits, 8 + window_bits % 9, effort)};
      for (const std::size_t size : {0U, 1U, 2U, 3U, 4U, 5U, 7U, 8U, 9U, 100U, 4095U, 4096U, 4097U, 70'000U}) {
        CAPTURE(size);
        compressing.bytes(json_text(size, window_bits), std::size_t{1} << window_bits);
        compressing.bytes(noise(size % 5000), std::size_t{1} << window_bits);
      }
    }
  }
}

TEST_CASE("what is as far back as the window is found, and what is further is not") {
  const std::string text = noise(200);
  for (unsigned window_bits = 8; window_bits <= 15; ++window_bits) {
    const std::size_t window = std::size_t{1} << window_bits;
    for (std::size_t beyond = 0; beyond < 2; ++beyond) {
      Compressing compressing{DeflateMatcher(window_bits, 15, greedy)};
      compressing.bytes(text + noise(window - text.size() + beyond, 2), window);
      const std::size_t size = compressing.bytes(text, window);
      if (beyond == 0) CHECK(size < 20);
      if (beyond != 0) CHECK(size > 190);
    }
  }
}

TEST_CASE("four bytes that come again are found, across the end of what was added, and three are not") {
  for (const std::size_t length : {3U, 4U}) {
    Compressing compressing{DeflateMatcher(12, 12, greedy)};
    const std::string again = noise(length, 7);
    // The last positions of a text get into their chains only by what follows.
    compressing.bytes(noise(50, 1) + again, 4096);
    const std::size_t with = compressing.bytes(noise(50, 2) + again + noise(50, 3), 4096);
    const std::size_t without = compressing.bytes(noise(50, 4) + noise(length, 8) + noise(50, 5), 4096);
    if (length == 3) CHECK(with == without);
    // Noise is stored otherwise: a match has to pay for codes. So the text says it, in which that is nothing new.
    if (length == 4) CHECK(with <= without);
  }
  Compressing compressing{DeflateMatcher(12, 12, greedy)};
  compressing.bytes("0123 abcd", 4096);
  const std::size_t found = compressing.bytes("abcd", 4096);
  Compressing other{DeflateMatcher(12, 12, greedy)};
  other.bytes("0123 abcx", 4096);
  CHECK(found < other.bytes("abcd", 4096));
}

TEST_CASE("a longer match one byte on is taken if that is looked for, and the nearest of those that are as long") {
  const auto size_by = [](DeflateMatcher::Effort effort) {
    Compressing compressing{DeflateMatcher(12, 12, effort)};
    compressing.bytes("abcd  bcdefghijklmnopqrstuvwxyz", 4096);
    return compressing.bytes("abcdefghijklmnopqrstuvwxyz", 4096);
  };
  CHECK(size_by(lazy) < size_by(greedy));
}

TEST_CASE("trying more makes the output no larger") {
  std::size_t before = SIZE_MAX;
  for (const unsigned tries : {1U, 2U, 4U, 16U, 64U, 1024U}) {
    Compressing compressing{DeflateMatcher(13, 12, {true, static_cast<std::uint16_t>(tries), 258})};
    std::size_t sum = 0;
    for (unsigned seed = 0; seed < 40; ++seed) sum += compressing.bytes(json_text(1000, seed), 8192);
    CHECK(sum <= before);
    before = sum;
  }
}

TEST_CASE("nothing before a forgetting is referred to, whatever is in the tables") {
  for (const unsigned window_bits : {8U, 12U}) {
    const std::size_t window = std::size_t{1} << window_bits;
    Compressing compressing{DeflateMatcher(window_bits, 12, lazy)};
    const std::string text = json_text(3000);
    const std::size_t alone = compressing.bytes(text, window);
    if (window_bits == 12) CHECK(compressing.bytes(text, window) < alone / 10);
    // Between texts; and amid them, however much was not parsed.
    for (int unparsed = 0; unparsed < 4; ++unparsed) {
      for (int i = 0; i < unparsed; ++i) {
        Bytes rest = as_bytes(text);
        compressing.matcher.add(rest);
        compressing.matcher.forget();
      }
      compressing.matcher.forget();
      compressing.before.clear();
      CHECK(compressing.bytes(text, window) == alone);
    }
  }
}

TEST_CASE("positions that have become too many to be told apart do no harm") {
  // 64 KiB later an old place looks as if it were near. What is there was never said, or is something else.
  Compressing compressing{DeflateMatcher(10, 8, lazy)};
  const std::string rare = json_text(600, 1);
  compressing.bytes(rare, 1024);
  compressing.bytes(noise(65'536 - 600), 1024);
  compressing.bytes(rare, 1024);
  for (unsigned seed = 0; seed < 200; ++seed) {
    compressing.bytes(seed % 3 == 0 ? json_text(997, seed) : noise(1000 + seed, seed), 1024);
  }
}

TEST_CASE("what it allocates is its text, its table and its chains") {
  CHECK(DeflateMatcher(9, 8, lazy).memory() == 512 + 4096 + 8 + 2 * 256 + 2 * 512);
  CHECK(DeflateMatcher(15, 16, lazy).memory() == 32768 + 4096 + 8 + 2 * 65536 + 2 * 32768);
}
