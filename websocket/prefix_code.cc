#include <tidewire/websocket/prefix_code.h>
#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

namespace tidewire::websocket::detail {
namespace {

constexpr std::size_t most_symbols = 288;
constexpr unsigned symbol_bits = 9;
constexpr std::uint32_t symbol_mask = (1U << symbol_bits) - 1;

using Numbers = std::array<std::uint32_t, most_symbols>;
using Counts = std::array<std::uint32_t, longest_codeword + 1>;

/// The symbols that occur, as they come.
std::size_t find_symbols(std::span<const std::uint16_t> frequencies, std::span<std::uint16_t> symbols) noexcept {
  std::size_t count = 0;
  for (std::size_t symbol = 0; symbol < frequencies.size(); ++symbol) {
    symbols[count] = static_cast<std::uint16_t>(symbol);
    count += frequencies[symbol] != 0 ? 1 : 0;
  }
  return count;
}

/// Numbers that have the symbols behind their frequencies, which rise. Most symbols are rare: these are counted, not
/// compared.
void sort_symbols(std::span<const std::uint16_t> frequencies, std::span<const std::uint16_t> symbols,
                  std::span<std::uint32_t> sorted) noexcept {
  constexpr std::uint32_t common = 31;
  std::array<std::uint16_t, common + 1> starts{};
  for (const std::uint16_t symbol : symbols) ++starts[std::min<std::uint32_t>(frequencies[symbol], common)];
  std::uint16_t start = 0;
  for (std::uint16_t& count : starts) start = static_cast<std::uint16_t>(start + std::exchange(count, start));
  const std::size_t rare = starts[common];
  for (const std::uint16_t symbol : symbols) {
    const std::uint32_t frequency = frequencies[symbol];
    sorted[starts[std::min(frequency, common)]++] = frequency << symbol_bits | symbol;
  }
  std::sort(sorted.begin() + static_cast<std::ptrdiff_t>(rare), sorted.end());
}

/// Huffman's tree in the place of the frequencies, which rise: two queues, of leaves and of inner nodes, whose weights
/// both rise (Moffat and Katajainen, "In-place calculation of minimum-redundancy codes"). Leaves what each inner node's
/// parent is, the root being the last, at `count - 2`.
void build_tree(std::span<std::uint32_t> weights) noexcept {
  const std::size_t count = weights.size();
  std::size_t leaf = 0, inner = 0;
  for (std::size_t next = 0; next + 1 < count; ++next) {
    std::uint32_t weight = 0;
    for (int child = 0; child < 2; ++child) {
      if (leaf < count && (inner == next || weights[leaf] <= weights[inner])) {
        weight += weights[leaf++];
      } else {
        weight += weights[inner];
        weights[inner++] = static_cast<std::uint32_t>(next);
      }
    }
    weights[next] = weight;
  }
}

/// How many codewords there are of each length: the leaves at each depth, those that are too deep raised to `longest`.
Counts count_lengths(std::span<std::uint32_t> parents, unsigned longest) noexcept {
  Counts counts{};
  const std::size_t root = parents.size() - 2;
  // Inner nodes turn from their parents to their depths. Each splits one place of its depth into two of the next.
  counts[1] = 2;
  parents[root] = 0;
  for (std::size_t node = root; node-- > 0;) {
    const std::uint32_t depth = parents[parents[node]] + 1;
    parents[node] = depth;
    // A place that may not be split is taken from the deepest that may.
    unsigned length = std::min(depth, longest - 1);
    while (counts[length] == 0) --length;
    --counts[length];
    counts[length + 1] += 2;
  }
  return counts;
}

constexpr std::uint16_t reversed(std::uint32_t value, unsigned length) noexcept {
  value = (value & 0x5555U) << 1 | (value >> 1 & 0x5555U);
  value = (value & 0x3333U) << 2 | (value >> 2 & 0x3333U);
  value = (value & 0x0F0FU) << 4 | (value >> 4 & 0x0F0FU);
  value = (value & 0x00FFU) << 8 | (value >> 8 & 0x00FFU);
  return static_cast<std::uint16_t>(value >> (16 - length));
}

/// The first codeword of each length.
Counts first_codewords(const Counts& counts) noexcept {
  Counts first{};
  for (unsigned length = 1; length < longest_codeword; ++length) {
    first[length + 1] = (first[length] + counts[length]) << 1;
  }
  return first;
}

}  // namespace

void make_prefix_code(std::span<const std::uint16_t> frequencies, unsigned longest, std::span<Codeword> code) noexcept {
  assert(frequencies.size() <= most_symbols && code.size() == frequencies.size());
  std::ranges::fill(code, Codeword{});
  std::array<std::uint16_t, most_symbols> all_symbols;
  const std::span symbols(all_symbols.data(), find_symbols(frequencies, all_symbols));
  assert(symbols.size() <= std::size_t{1} << longest);
  if (symbols.empty()) return;
  if (symbols.size() == 1) {
    code[symbols[0]].length = 1;
    return;
  }
  Numbers sorted, weights;
  sort_symbols(frequencies, symbols, {sorted.data(), symbols.size()});
  for (std::size_t i = 0; i < symbols.size(); ++i) weights[i] = sorted[i] >> symbol_bits;
  build_tree({weights.data(), symbols.size()});
  const Counts counts = count_lengths({weights.data(), symbols.size()}, longest);
  // The rarest get the longest.
  std::size_t next = 0;
  for (unsigned length = longest; length != 0; --length) {
    for (std::uint32_t left = counts[length]; left != 0; --left) {
      code[sorted[next++] & symbol_mask].length = static_cast<std::uint16_t>(length);
    }
  }
  assert(next == symbols.size());
  Counts codewords = first_codewords(counts);
  for (const std::uint16_t symbol : symbols) {
    code[symbol].bits = reversed(codewords[code[symbol].length]++, code[symbol].length);
  }
}

void number_codewords(std::span<Codeword> code) noexcept {
  Counts counts{};
  for (const Codeword& word : code) ++counts[word.length];
  Counts codewords = first_codewords(counts);
  for (Codeword& word : code) {
    if (word.length != 0) word.bits = reversed(codewords[word.length]++, word.length);
  }
}

}  // namespace tidewire::websocket::detail
