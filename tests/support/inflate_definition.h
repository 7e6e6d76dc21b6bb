#pragma once

#include <tidewire/core/bytes.h>
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>

/// DEFLATE as RFC 1951 defines it, bit by bit: slow, and plain enough to be compared with.
namespace tidewire::support {

struct Inflated {
  bool good = false;           ///< The input is blocks, whole ones, and ends with the last of them.
  bool complete_codes = true;  ///< No block's codes leave bit strings unused, but for a single distance.
  bool usual_headers = true;   ///< No block announces more codes than there are, or no code for its end.
  bool final_block = false;    ///< One has BFINAL.
  bool ends_with_final_block = false;
  std::size_t max_distance = 0;  ///< How far back the farthest reference reaches.
  std::string text;              ///< What came before anything that is wrong.
};

namespace detail {

class InflateDefinition {
 public:
  InflateDefinition(Bytes input, std::string_view history) : input_(input), text_(history), before_(history.size()) {}

  Inflated run() {
    // What follows a final block begins with a byte (RFC 7692 section 7.2.1).
    while (at_ < input_.size() * 8) {
      const auto final_bit = take(1);
      if (!final_bit || !block()) break;
      out_.ends_with_final_block = *final_bit != 0;
      if (*final_bit != 0) {
        out_.final_block = true;
        at_ = (at_ + 7) / 8 * 8;
      }
      out_.good = at_ == input_.size() * 8;
    }
    out_.good = out_.good && at_ == input_.size() * 8 && !failed_;
    out_.text = text_.substr(before_);
    return out_;
  }

 private:
  /// A canonical code: for each symbol its length, 0 for none.
  struct Code {
    std::array<unsigned, 16> count = {};
    std::array<std::uint16_t, 320> symbols = {};
    int left = 1;  ///< Bit strings not used, in units of the longest; below 0: there are too many codes.

    Code(const std::uint8_t* lengths, std::size_t size) {
      for (std::size_t i = 0; i < size; ++i) ++count[lengths[i]];
      for (std::size_t bits = 1; bits < 16 && left >= 0; ++bits) left = 2 * left - static_cast<int>(count[bits]);
      std::array<unsigned, 16> next = {};
      for (std::size_t bits = 1; bits < 15; ++bits) next[bits + 1] = next[bits] + count[bits];
      for (std::size_t i = 0; i < size; ++i) {
        if (lengths[i] != 0) symbols[next[lengths[i]]++] = static_cast<std::uint16_t>(i);
      }
    }
    [[nodiscard]] unsigned used() const {
      unsigned sum = 0;
      for (std::size_t bits = 1; bits < 16; ++bits) sum += count[bits];
      return sum;
    }
  };

  [[nodiscard]] bool fail() {
    failed_ = true;
    return false;
  }

  std::optional<unsigned> take(unsigned bits) {
    unsigned value = 0;
    for (unsigned i = 0; i < bits; ++i, ++at_) {
      if (at_ >= input_.size() * 8) return failed_ = true, std::nullopt;
      value |= ((std::to_integer<unsigned>(input_[at_ / 8]) >> (at_ % 8)) & 1U) << i;
    }
    return value;
  }

  std::optional<unsigned> symbol(const Code& code) {
    unsigned word = 0, first = 0, index = 0;
    for (std::size_t bits = 1; bits < 16; ++bits) {
      const auto bit = take(1);
      if (!bit) return std::nullopt;
      word |= *bit;
      if (word - first < code.count[bits]) return code.symbols[index + word - first];
      index += code.count[bits];
      first = (first + code.count[bits]) << 1;
      word <<= 1;
    }
    return failed_ = true, std::nullopt;
  }

  bool block() {
    const auto type = take(2);
    if (!type) return false;
    if (*type == 0) return stored();
    if (*type == 1) return fixed();
    if (*type == 2) return dynamic();
    return fail();
  }

  bool stored() {
    at_ = (at_ + 7) / 8 * 8;
    const auto size = take(16);
    const auto complement = take(16);
    if (!size || !complement || (*size ^ *complement) != 0xFFFF) return fail();
    for (unsigned i = 0; i < *size; ++i) {
      const auto byte = take(8);
      if (!byte) return false;
      text_ += static_cast<char>(*byte);
    }
    return true;
  }

  bool fixed() {
    std::array<std::uint8_t, 288> lengths;
    for (std::size_t i = 0; i < 288; ++i) lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    std::array<std::uint8_t, 30> distances;
    distances.fill(5);
    return coded(Code(lengths.data(), 288), Code(distances.data(), 30));
  }

  bool dynamic() {
    constexpr std::array<std::uint8_t, 19> order = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    const auto literals = take(5);
    const auto distances = take(5);
    const auto lengths_of_lengths = take(4);
    if (!literals || !distances || !lengths_of_lengths) return false;
    const std::size_t literal_count = *literals + 257, distance_count = *distances + 1;
    if (literal_count > 286 || distance_count > 30) out_.usual_headers = false;
    std::array<std::uint8_t, 320> lengths = {};
    for (std::size_t i = 0; i < *lengths_of_lengths + 4; ++i) {
      const auto length = take(3);
      if (!length) return false;
      lengths[order[i]] = static_cast<std::uint8_t>(*length);
    }
    const Code code(lengths.data(), 19);
    if (code.left < 0) return fail();
    if (code.left > 0) out_.complete_codes = false;
    lengths.fill(0);
    if (!read_lengths(code, lengths, literal_count + distance_count)) return false;
    if (lengths[256] == 0) out_.usual_headers = false;
    const Code literal(lengths.data(), literal_count), distance(lengths.data() + literal_count, distance_count);
    if (literal.left < 0 || distance.left < 0) return fail();
    const auto complete = [](const Code& each) {
      return each.left == 0 || (each.used() <= 1 && each.count[1] == each.used());
    };
    if (!complete(literal) || !complete(distance)) out_.complete_codes = false;
    return coded(literal, distance);
  }

  bool read_lengths(const Code& code, std::array<std::uint8_t, 320>& lengths, std::size_t size) {
    for (std::size_t i = 0; i < size;) {
      const auto what = symbol(code);
      if (!what) return false;
      if (*what < 16) {
        lengths[i++] = static_cast<std::uint8_t>(*what);
        continue;
      }
      if (*what == 16 && i == 0) return fail();
      const std::uint8_t length = *what == 16 ? lengths[i - 1] : std::uint8_t{0};
      const auto more = take(*what == 16 ? 2 : *what == 17 ? 3 : 7);
      if (!more) return false;
      const std::size_t times = *more + (*what == 18 ? 11U : 3U);
      if (i + times > size) return fail();
      std::fill_n(lengths.begin() + static_cast<std::ptrdiff_t>(i), times, length);
      i += times;
    }
    return true;
  }

  bool coded(const Code& literals, const Code& distances) {
    for (;;) {
      const auto what = symbol(literals);
      if (!what) return false;
      if (*what < 256) {
        text_ += static_cast<char>(*what);
        continue;
      }
      if (*what == 256) return true;
      if (*what > 285) return fail();
      const auto length = length_of(*what - 257);
      if (!length) return false;
      const auto where = symbol(distances);
      if (!where) return false;
      if (*where > 29) return fail();
      const auto distance = distance_of(*where);
      if (!distance) return false;
      if (*distance > text_.size()) return fail();
      out_.max_distance = std::max<std::size_t>(out_.max_distance, *distance);
      for (unsigned i = 0; i < *length; ++i) text_ += text_[text_.size() - *distance];
    }
  }

  /// Section 3.2.5: groups of four codes have one extra bit more than the group before.
  std::optional<unsigned> length_of(unsigned code) {
    if (code < 8) return code + 3;
    if (code == 28) return 258;
    const unsigned bits = code / 4 - 1;
    const auto more = take(bits);
    if (!more) return std::nullopt;
    return 3 + ((4 + code % 4) << bits) + *more;
  }

  std::optional<unsigned> distance_of(unsigned code) {
    if (code < 4) return code + 1;
    const unsigned bits = code / 2 - 1;
    const auto more = take(bits);
    if (!more) return std::nullopt;
    return 1 + ((2 + code % 2) << bits) + *more;
  }

  Bytes input_;
  std::string text_;
  std::size_t before_;
  std::size_t at_ = 0;
  bool failed_ = false;
  Inflated out_;
};

}  // namespace detail

/// The text that `input` is compressed, whose references may reach into `history`.
inline Inflated inflate_by_definition(Bytes input, std::string_view history = {}) {
  return detail::InflateDefinition(input, history).run();
}

/// The same for a message's payload (RFC 7692 section 7.2.2).
inline Inflated inflate_message_by_definition(Bytes payload, std::string_view history = {}) {
  std::string whole(as_text(payload));
  whole.append("\0\0\xff\xff", 4);
  return inflate_by_definition(as_bytes(whole), history);
}

}  // namespace tidewire::support
