#pragma once

#include <cstdint>
#include <span>

/// Prefix codes as DEFLATE has them (RFC 1951 section 3.2.2).
namespace tidewire::websocket::detail {

/// What stands for a symbol. A code that is sent begins with its lowest bit, as DEFLATE packs them.
struct Codeword {
  std::uint16_t bits = 0;
  std::uint16_t length = 0;  ///< In bits; 0: the symbol does not occur.
};

inline constexpr unsigned longest_codeword = 15;

/// The code in which symbols that occur so often take the fewest bits together, no codeword being longer than `longest`
/// bits; where the limit cuts, it is near that. A symbol that is alone gets one bit. At most 288 symbols, which occur
/// at most 65,535 times together and are no more than 2 to the power of `longest`.
void make_prefix_code(std::span<const std::uint16_t> frequencies, unsigned longest, std::span<Codeword> code) noexcept;

/// The codewords that follow from their lengths, which `code` has already: the shorter before the longer, those of one
/// length in the order of their symbols.
void number_codewords(std::span<Codeword> code) noexcept;

}  // namespace tidewire::websocket::detail
