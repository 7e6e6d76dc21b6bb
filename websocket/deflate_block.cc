#include <tidewire/websocket/deflate_block.h>
#include <tidewire/websocket/prefix_code.h>
#include <algorithm>
#include <span>

namespace tidewire::websocket::detail {
namespace {

using deflate_symbols::distance_code;
using deflate_symbols::DistanceCode;
using deflate_symbols::length_codes;
using deflate_symbols::LengthCode;

constexpr std::size_t end_of_block = 256;

// BTYPE (RFC 1951 section 3.2.3) behind a BFINAL that is 0.
constexpr std::uint64_t stored_block = 0b000, fixed_block = 0b010, dynamic_block = 0b100;
constexpr unsigned block_header_bits = 3;
// What two bytes count (section 3.2.4).
constexpr std::size_t most_stored_bytes = 0xFFFF;

/// How the lengths of codewords are sent (section 3.2.7): themselves in a prefix code, runs of them as one symbol.
class CodeLengths {
 public:
  CodeLengths(std::span<const Codeword> literals, std::span<const Codeword> distances) noexcept
      : literals_(used(literals, 257)), distances_(used(distances, 1)) {
    std::array<std::uint8_t, 286 + 30> lengths;
    for (std::size_t i = 0; i < literals_; ++i) lengths[i] = static_cast<std::uint8_t>(literals[i].length);
    for (std::size_t i = 0; i < distances_; ++i) {
      lengths[literals_ + i] = static_cast<std::uint8_t>(distances[i].length);
    }
    find_runs({lengths.data(), literals_ + distances_});
    make_prefix_code(frequencies_, 7, code_);
    sent_ = order.size();
    while (sent_ > 4 && code_[order[sent_ - 1]].length == 0) --sent_;
  }

  [[nodiscard]] std::size_t bits() const noexcept {
    std::size_t sum = 5 + 5 + 4 + 3 * sent_;
    for (std::size_t symbol = 0; symbol < code_.size(); ++symbol) {
      sum += std::size_t{frequencies_[symbol]} * (code_[symbol].length + extra_bits(symbol));
    }
    return sum;
  }

  void write(BitWriter& to) const noexcept {
    to.put(literals_ - 257, 5);
    to.put(distances_ - 1, 5);
    to.put(sent_ - 4, 4);
    to.flush();
    for (std::size_t i = 0; i < sent_; ++i) {
      to.put(code_[order[i]].length, 3);
      if (i == 9) to.flush();
    }
    to.flush();
    for (std::size_t i = 0; i < size_; ++i) {
      const Codeword word = code_[runs_[i].symbol];
      to.put(word.bits, word.length);
      to.put(runs_[i].extra, extra_bits(runs_[i].symbol));
      to.flush();
    }
  }

 private:
  static constexpr std::uint8_t repeat = 16, zeros = 17, many_zeros = 18;
  static constexpr std::array<std::uint8_t, 19> order = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                         11, 4,  12, 3, 13, 2, 14, 1, 15};
  struct Run {
    std::uint8_t symbol, extra;
  };

  static constexpr unsigned extra_bits(std::size_t symbol) noexcept {
    if (symbol < repeat) return 0;
    return symbol == repeat ? 2 : symbol == zeros ? 3 : 7;
  }

  static std::size_t used(std::span<const Codeword> code, std::size_t at_least) noexcept {
    std::size_t size = code.size();
    while (size > at_least && code[size - 1].length == 0) --size;
    return size;
  }

  void add(std::uint8_t symbol, std::size_t extra = 0) noexcept {
    ++frequencies_[symbol];
    runs_[size_++] = {symbol, static_cast<std::uint8_t>(extra)};
  }

  void find_runs(std::span<const std::uint8_t> lengths) noexcept {
    for (auto at = lengths.begin(); at != lengths.end();) {
      const std::uint8_t length = *at;
      const auto end = std::find_if(at, lengths.end(), [length](std::uint8_t other) { return other != length; });
      auto left = static_cast<std::size_t>(end - at);
      at = end;
      if (length == 0) {
        left = add_zeros(left);
      } else {
        add(length);
        left = add_repeats(left - 1);
      }
      while (left-- != 0) add(length);
    }
  }

  // Both return what is too short for a run.
  std::size_t add_zeros(std::size_t left) noexcept {
    for (; left >= 11; left -= std::min<std::size_t>(left, 138)) {
      add(many_zeros, std::min<std::size_t>(left, 138) - 11);
    }
    if (left < 3) return left;
    add(zeros, left - 3);
    return 0;
  }
  std::size_t add_repeats(std::size_t left) noexcept {
    for (; left >= 3; left -= std::min<std::size_t>(left, 6)) add(repeat, std::min<std::size_t>(left, 6) - 3);
    return left;
  }

  std::size_t literals_, distances_, sent_ = 0, size_ = 0;
  std::array<std::uint16_t, 19> frequencies_{};
  std::array<Codeword, 19> code_{};
  std::array<Run, 286 + 30> runs_;
};

std::size_t bits_of(std::span<const std::uint16_t> frequencies, std::span<const Codeword> code) noexcept {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < frequencies.size(); ++i) sum += std::size_t{frequencies[i]} * code[i].length;
  return sum;
}

void write_stored(BitWriter& to, Bytes text) noexcept {
  to.put(stored_block, block_header_bits);
  to.align();
  to.put(text.size() | (~text.size() & most_stored_bytes) << 16, 32);
  to.flush();
  to.put_bytes(text);
}

}  // namespace

void write_sync_marker(BitWriter& to) noexcept { write_stored(to, {}); }

struct DeflateBlock::Codes {
  std::array<Codeword, lengths_and_literals> for_literals{};
  std::array<Codeword, distances> for_distances{};
};

/// Section 3.2.6.
const DeflateBlock::Codes& DeflateBlock::fixed_codes() noexcept {
  static const Codes codes = [] {
    // The last symbols never occur, but have codewords.
    std::array<Codeword, 288> literals{};
    for (std::size_t symbol = 0; symbol < literals.size(); ++symbol) {
      literals[symbol].length = symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8;
    }
    number_codewords(literals);
    Codes made;
    std::copy_n(literals.begin(), made.for_literals.size(), made.for_literals.begin());
    for (Codeword& word : made.for_distances) word.length = 5;
    number_codewords(made.for_distances);
    return made;
  }();
  return codes;
}

void DeflateBlock::write(BitWriter& to, Bytes text) noexcept {
  literal_frequencies_[end_of_block] = 1;
  Codes own;
  make_prefix_code(literal_frequencies_, longest_codeword, own.for_literals);
  make_prefix_code(distance_frequencies_, longest_codeword, own.for_distances);
  const CodeLengths lengths(own.for_literals, own.for_distances);
  const std::size_t dynamic_bits = lengths.bits() + bits_in(own);
  const std::size_t fixed_bits = bits_in(fixed_codes());
  const unsigned padding = (8 - (to.waiting() + block_header_bits) % 8) % 8;
  const bool storable = text.size() <= most_stored_bytes;
  if (storable && padding + 32 + 8 * text.size() <= std::min(dynamic_bits, fixed_bits)) {
    write_stored(to, text);
  } else if (fixed_bits <= dynamic_bits) {
    to.put(fixed_block, block_header_bits);
    write_tokens(to, fixed_codes());
  } else {
    to.put(dynamic_block, block_header_bits);
    lengths.write(to);
    write_tokens(to, own);
  }
  clear();
}

std::size_t DeflateBlock::bits_in(const Codes& codes) const noexcept {
  return extra_bits_ + bits_of(literal_frequencies_, codes.for_literals) +
         bits_of(distance_frequencies_, codes.for_distances);
}

void DeflateBlock::write_tokens(BitWriter& to, const Codes& codes) const noexcept {
  for (std::size_t i = 0; i < size_; ++i) {
    const unsigned length = tokens_[i] >> 16;
    to.flush();
    if (length == 0) {
      const Codeword word = codes.for_literals[tokens_[i]];
      to.put(word.bits, word.length);
      continue;
    }
    // At most 15 + 5 and 15 + 13 bits.
    const unsigned distance = tokens_[i] & 0xFFFF;
    const LengthCode& for_length = length_codes[length];
    const Codeword length_word = codes.for_literals[257U + for_length.code];
    to.put(length_word.bits, length_word.length);
    to.put(length - for_length.base, for_length.extra_bits);
    const DistanceCode for_distance = distance_code(distance);
    const Codeword distance_word = codes.for_distances[for_distance.code];
    to.put(distance_word.bits, distance_word.length);
    to.put(distance - for_distance.base, for_distance.extra_bits);
  }
  to.flush();
  to.put(codes.for_literals[end_of_block].bits, codes.for_literals[end_of_block].length);
  to.flush();
}

void DeflateBlock::clear() noexcept {
  size_ = 0;
  extra_bits_ = 0;
  literal_frequencies_.fill(0);
  distance_frequencies_.fill(0);
}

}  // namespace tidewire::websocket::detail
