#pragma once

#include <tidewire/core/bytes.h>
#include <array>
#include <bit>
#include <cassert>
#include <cstdint>
#include <cstring>

/// Blocks of DEFLATE (RFC 1951 section 3.2): from literals and matches to bits.
namespace tidewire::websocket::detail {

inline constexpr unsigned min_match_bytes = 3;
inline constexpr unsigned max_match_bytes = 258;

/// Appends bits to bytes, from the lowest bit up. There must be room for 8 bytes behind all that is written.
class BitWriter {
 public:
  explicit BitWriter(std::byte* to) noexcept : next_(to) {}

  /// `bits` has no more than `count` of them. Up to 56 fit between two calls of `flush`.
  void put(std::uint64_t bits, unsigned count) noexcept {
    assert(count_ + count < 64 && bits >> count == 0);
    waiting_ |= bits << count_;
    count_ += count;
  }
  /// Leaves fewer than 8 bits waiting.
  void flush() noexcept {
    const std::uint64_t bytes = std::endian::native == std::endian::little ? waiting_ : __builtin_bswap64(waiting_);
    std::memcpy(next_, &bytes, sizeof bytes);
    next_ += count_ / 8;
    waiting_ >>= count_ & ~7U;
    count_ &= 7;
  }
  /// Zeros up to the next whole byte, and all of it written.
  void align() noexcept {
    count_ = (count_ + 7) & ~7U;
    flush();
  }
  /// After `align`.
  void put_bytes(Bytes bytes) noexcept {
    assert(count_ == 0);
    copy_bytes(next_, bytes);
    next_ += bytes.size();
  }

  /// How many bits wait for their byte, behind a `flush`.
  [[nodiscard]] unsigned waiting() const noexcept { return count_; }
  /// Behind what was written.
  [[nodiscard]] std::byte* end() const noexcept { return next_; }

 private:
  std::byte* next_;
  std::uint64_t waiting_ = 0;
  unsigned count_ = 0;
};

/// An empty stored block: what came before it can be read to its end, and it ends with a byte, as RFC 7692
/// section 7.2.1 has it.
void write_sync_marker(BitWriter& to) noexcept;

/// What a block says: literals and matches in their order, and how often each symbol occurs.
class DeflateBlock {
 public:
  /// So many share their codes: enough for the codes to be a small part of it, few enough to lie on the stack.
  static constexpr std::size_t max_tokens = 4096;

  DeflateBlock() noexcept = default;

  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /// Whether it takes no literal and match together any more. It is to be written then.
  [[nodiscard]] bool is_full() const noexcept { return size_ + 2 > max_tokens; }

  void add_literal(std::byte byte) noexcept;
  /// `length` bytes, 3 to 258, as they are `distance` back, 1 to 32,768.
  void add_match(unsigned length, unsigned distance) noexcept;

  /// Writes all of it and is empty. Of the three kinds of block it is the shortest; none is the last of its stream
  /// (BFINAL). `text` is what it says. It takes at most 5 bytes and 3 bits more than that: a stored block.
  void write(BitWriter& to, Bytes text) noexcept;

 private:
  struct Codes;
  [[nodiscard]] static const Codes& fixed_codes() noexcept;
  [[nodiscard]] std::size_t bits_in(const Codes& codes) const noexcept;
  void write_tokens(BitWriter& to, const Codes& codes) const noexcept;
  void clear() noexcept;

  static constexpr std::size_t lengths_and_literals = 286;
  static constexpr std::size_t distances = 30;

  std::size_t size_ = 0;
  std::size_t extra_bits_ = 0;  // Of all matches, whatever the codes.
  std::array<std::uint16_t, lengths_and_literals> literal_frequencies_{};
  std::array<std::uint16_t, distances> distance_frequencies_{};
  std::array<std::uint32_t, max_tokens> tokens_;  // Not initialised; `size_` are there.
};

namespace deflate_symbols {

/// Length codes, from 0 (section 3.2.5): the symbol is 257 more.
struct LengthCode {
  std::uint8_t code, extra_bits;
  std::uint16_t base;
};

constexpr std::array<LengthCode, max_match_bytes + 1> make_length_codes() {
  std::array<LengthCode, max_match_bytes + 1> codes{};
  unsigned length = min_match_bytes;
  for (unsigned code = 0; length < max_match_bytes; ++code) {
    const unsigned extra = code < 8 ? 0 : code / 4 - 1;
    const unsigned base = length;
    for (; length < base + (1U << extra) && length < max_match_bytes; ++length) {
      codes[length] = {static_cast<std::uint8_t>(code), static_cast<std::uint8_t>(extra),
                       static_cast<std::uint16_t>(base)};
    }
  }
  codes[max_match_bytes] = {28, 0, max_match_bytes};
  return codes;
}
inline constexpr auto length_codes = make_length_codes();

/// Distance codes: two for each power of two.
struct DistanceCode {
  unsigned code, extra_bits, base;
};
constexpr DistanceCode distance_code(unsigned distance) noexcept {
  const unsigned back = distance - 1;
  if (back < 4) return {back, 0, distance};
  const auto extra = static_cast<unsigned>(std::bit_width(back)) - 2;
  const unsigned code = 2 * extra + (back >> extra);
  return {code, extra, ((back >> extra) << extra) + 1};
}

}  // namespace deflate_symbols

inline void DeflateBlock::add_literal(std::byte byte) noexcept {
  assert(size_ < max_tokens);
  ++literal_frequencies_[std::to_integer<std::size_t>(byte)];
  tokens_[size_++] = std::to_integer<std::uint32_t>(byte);
}

inline void DeflateBlock::add_match(unsigned length, unsigned distance) noexcept {
  assert(size_ < max_tokens && length >= min_match_bytes && length <= max_match_bytes && distance >= 1 &&
         distance <= 32768);
  const deflate_symbols::LengthCode& for_length = deflate_symbols::length_codes[length];
  const deflate_symbols::DistanceCode for_distance = deflate_symbols::distance_code(distance);
  ++literal_frequencies_[257U + for_length.code];
  ++distance_frequencies_[for_distance.code];
  extra_bits_ += for_length.extra_bits + for_distance.extra_bits;
  tokens_[size_++] = length << 16 | distance;
}

}  // namespace tidewire::websocket::detail
