#pragma once

#include <tidewire/core/bytes.h>
#include <tidewire/websocket/deflate_block.h>
#include <cstdint>
#include <memory>

/// What text has in common with the text before it: the first half of DEFLATE (RFC 1951 section 4).
namespace tidewire::websocket::detail {

/// Keeps the end of a text, and where in it to look for the beginning of what comes next.
///
/// Of every position in the window a chain leads to the ones before it whose four bytes have the same hash. Positions
/// are kept as their lowest 16 bits: what an entry says may be long out of date, so nothing that a chain leads to is
/// relied on before it is compared. So nothing is ever cleared, and messages can be as many as there are.
class DeflateMatcher {
 public:
  /// How much is tried for a smaller output.
  struct Effort {
    bool lazy;                   ///< Whether to look for a longer match one byte on, before one is taken.
    std::uint16_t most_tries;    ///< How many places are compared.
    std::uint16_t enough_bytes;  ///< A match so long is taken without looking further.
  };

  /// `window_bits`: 8 to 15; `table_bits`: 8 to 16, how many chains there are. Throws std::bad_alloc.
  DeflateMatcher(unsigned window_bits, unsigned table_bits, Effort effort);

  /// Has the processor begin to fetch all that is kept, if there will be so much text that it pays. Where many
  /// connections take turns none of it is in the nearer caches, and what is looked up at random would be waited for
  /// piece by piece.
  void fetch_for(std::size_t text_bytes) const noexcept;

  /// Takes from the front of `text`, which it shortens, up to 4 KiB. `parse` is to be at the end of what was added
  /// before.
  void add(Bytes& text) noexcept;

  /// Adds tokens to `block` for what was added, until that is at its end or the block is full. Returns how many bytes
  /// they say.
  [[nodiscard]] std::size_t parse(DeflateBlock& block) noexcept;

  /// What is added from now on refers to nothing before it. What was not parsed is forgotten as well.
  void forget() noexcept { oldest_ = inserted_ = next_ = end_; }

  /// What is allocated, in bytes.
  [[nodiscard]] std::size_t memory() const noexcept;

 private:
  struct Match {
    std::size_t length, distance;
  };

  // Four bytes are hashed: a match of three is seldom worth its distance.
  static constexpr std::size_t hashed_bytes = 4;
  // Matches are compared by so many bytes at once, which may reach beyond the end.
  static constexpr std::size_t compared_bytes = 8;

  [[nodiscard]] std::size_t chains() const noexcept { return std::size_t{1} << (32 - shift_); }
  [[nodiscard]] std::uint16_t& chain_of(std::uint32_t four) noexcept { return newest_[four * 0x9E3779B1U >> shift_]; }
  [[nodiscard]] std::uint16_t insert(std::size_t at, std::uint32_t four) noexcept;
  [[nodiscard]] Match find(std::size_t at, std::size_t longer_than) noexcept;
  [[nodiscard]] Match find_lazily(Match match, std::size_t parsable, DeflateBlock& block) noexcept;
  void insert_until(std::size_t end) noexcept;
  [[nodiscard]] const std::byte* text_at(std::size_t at) const noexcept { return text_.get() + (at - base_); }

  Effort effort_;
  unsigned shift_;  // What a hash of 32 bits loses.
  std::size_t window_;
  std::size_t capacity_;
  // Positions, counted from the first byte that there was.
  std::size_t base_ = 0;      // Of what `text_` begins with.
  std::size_t oldest_ = 0;    // Nothing before it is referred to.
  std::size_t inserted_ = 0;  // Up to here they are in chains.
  std::size_t next_ = 0;      // To be parsed.
  std::size_t end_ = 0;
  std::unique_ptr<std::byte[]> text_;
  std::unique_ptr<std::uint16_t[]> newest_;  // Of each chain.
  std::unique_ptr<std::uint16_t[]> before_;  // Which came before, in the chain of a position.
};

}  // namespace tidewire::websocket::detail
