#include <doctest/doctest.h>
#include <tidewire/websocket/prefix_code.h>
#include <algorithm>
#include <random>
#include <string>
#include <vector>

using namespace tidewire::websocket::detail;

namespace {

using Frequencies = std::vector<std::uint16_t>;

std::vector<Codeword> code_for(const Frequencies& frequencies, unsigned longest = longest_codeword) {
  std::vector<Codeword> code(frequencies.size(), {0x5555, 7});
  make_prefix_code(frequencies, longest, code);
  return code;
}

/// A codeword as the RFC writes it: its first bit first.
std::string written(const Codeword& word) {
  std::string out;
  for (unsigned bit = 0; bit < word.length; ++bit) out += (word.bits >> bit & 1) != 0 ? '1' : '0';
  return out;
}

std::size_t bits(const Frequencies& frequencies, const std::vector<Codeword>& code) {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < code.size(); ++i) sum += std::size_t{frequencies[i]} * code[i].length;
  return sum;
}

/// What the best code takes whose codewords have no more than so many bits, by packages of two (Larmore and Hirschberg,
/// "A fast algorithm for optimal length-limited Huffman codes").
std::size_t fewest_bits(const Frequencies& frequencies, unsigned longest) {
  std::vector<std::size_t> leaves;
  for (const std::uint16_t frequency : frequencies) {
    if (frequency != 0) leaves.push_back(frequency);
  }
  std::ranges::sort(leaves);
  std::vector<std::size_t> items = leaves;
  for (unsigned bits = 1; bits < longest; ++bits) {
    std::vector<std::size_t> packages = leaves;
    for (std::size_t i = 1; i < items.size(); i += 2) packages.push_back(items[i - 1] + items[i]);
    std::ranges::sort(packages);
    items = packages;
  }
  std::size_t sum = 0;
  for (std::size_t i = 0; i + 2 < 2 * leaves.size(); ++i) sum += items[i];
  return sum;
}

/// Each symbol that occurs has a codeword, none is too long, none begins another, and no bit string is left over.
void check_code(const Frequencies& frequencies, const std::vector<Codeword>& code, unsigned longest) {
  std::size_t used = 0, symbols = 0;
  std::vector<std::string> words;
  for (std::size_t i = 0; i < code.size(); ++i) {
    REQUIRE((code[i].length != 0) == (frequencies[i] != 0));
    REQUIRE(code[i].length <= longest);
    if (code[i].length == 0) continue;
    ++symbols;
    used += std::size_t{1} << (longest - code[i].length);
    words.push_back(written(code[i]));
  }
  if (symbols < 2) return;
  CHECK(used == std::size_t{1} << longest);
  std::ranges::sort(words);
  for (std::size_t i = 1; i < words.size(); ++i) REQUIRE_FALSE(words[i].starts_with(words[i - 1]));
}

}  // namespace

TEST_CASE("codewords are numbered as in RFC 1951's example") {
  std::vector<Codeword> code(8);
  const unsigned lengths[] = {3, 3, 3, 3, 3, 2, 4, 4};
  for (std::size_t i = 0; i < code.size(); ++i) code[i].length = static_cast<std::uint16_t>(lengths[i]);
  number_codewords(code);
  const char* const expected[] = {"010", "011", "100", "101", "110", "00", "1110", "1111"};
  for (std::size_t i = 0; i < code.size(); ++i) CHECK(written(code[i]) == expected[i]);
}

TEST_CASE("no symbol gets no codeword, one gets a bit, two get one each") {
  CHECK(std::ranges::all_of(code_for(Frequencies(286)), [](const Codeword& word) { return word.length == 0; }));
  const auto one = code_for({0, 0, 9, 0});
  CHECK(written(one[2]) == "0");
  CHECK(one[0].length + one[1].length + one[3].length == 0);
  const auto two = code_for({1, 0, 60'000});
  CHECK(written(two[0]) == "0");
  CHECK(written(two[2]) == "1");
}

TEST_CASE("a code takes the fewest bits that there can be") {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    Frequencies frequencies(1 + random() % 288);
    // Few symbols or many, and alike or not.
    const auto density = 1 + random() % 8, largest = 1 + random() % 200;
    for (auto& frequency : frequencies) {
      if (random() % density == 0) frequency = static_cast<std::uint16_t>(random() % largest * (random() % 3));
    }
    const auto code = code_for(frequencies);
    check_code(frequencies, code, longest_codeword);
    const std::size_t fewest = fewest_bits(frequencies, longest_codeword);
    if (fewest != 0) CHECK(bits(frequencies, code) == fewest);
  }
}

TEST_CASE("no codeword is longer than it may be, and little is lost by that") {
  // The numbers whose best code is the deepest.
  Frequencies frequencies = {1, 1};
  while (frequencies.size() < 22) {
    frequencies.push_back(static_cast<std::uint16_t>(frequencies.back() + *(frequencies.rbegin() + 1)));
  }
  for (unsigned longest = 5; longest <= longest_codeword; ++longest) {
    for (std::size_t symbols = 2; symbols <= std::min<std::size_t>(frequencies.size(), 1U << longest); ++symbols) {
      const Frequencies some(frequencies.begin(), frequencies.begin() + static_cast<std::ptrdiff_t>(symbols));
      const auto code = code_for(some, longest);
      check_code(some, code, longest);
      CHECK(bits(some, code) >= fewest_bits(some, longest));
      CHECK(bits(some, code) * 100 <= fewest_bits(some, longest) * 120);
    }
  }
  // As many symbols as there are codewords at all.
  const Frequencies all(128, 3);
  check_code(all, code_for(all, 7), 7);
  CHECK(bits(all, code_for(all, 7)) == 128 * 3 * 7);
}

TEST_CASE("what occurs more often has no longer codeword") {
  std::mt19937 random(2);
  Frequencies frequencies(286);
  for (auto& frequency : frequencies) frequency = static_cast<std::uint16_t>(1 + random() % 220);
  frequencies[7] = 2000;
  const auto code = code_for(frequencies, 9);
  for (std::size_t one = 0; one < code.size(); ++one) {
    for (std::size_t other = 0; other < code.size(); ++other) {
      if (frequencies[one] > frequencies[other]) REQUIRE(code[one].length <= code[other].length);
    }
  }
}
