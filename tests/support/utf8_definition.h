#pragma once

#include <tidewire/core/bytes.h>
#include <cstddef>
#include <iterator>

/// UTF-8 by the grammar of RFC 3629 section 4, the slow and plain way, to hold the library's against.
namespace tidewire::support {

struct Utf8Verdict {
  std::size_t taken = 0;  ///< How many bytes come before the first that no valid text could have there.
  std::size_t begun = 0;  ///< How many of the last of them begin a character and don't end it.
};

inline Utf8Verdict utf8_by_definition(Bytes text) noexcept {
  struct Range {
    unsigned first, last;
  };
  constexpr Range tail{0x80, 0xBF};
  constexpr struct {
    unsigned bytes;
    Range ranges[4];
  } characters[] = {
      {1, {{0x00, 0x7F}, {}, {}, {}}},
      {2, {{0xC2, 0xDF}, tail, {}, {}}},
      {3, {{0xE0, 0xE0}, {0xA0, 0xBF}, tail, {}}},
      {3, {{0xE1, 0xEC}, tail, tail, {}}},
      {3, {{0xED, 0xED}, {0x80, 0x9F}, tail, {}}},
      {3, {{0xEE, 0xEF}, tail, tail, {}}},
      {4, {{0xF0, 0xF0}, {0x90, 0xBF}, tail, tail}},
      {4, {{0xF1, 0xF3}, tail, tail, tail}},
      {4, {{0xF4, 0xF4}, {0x80, 0x8F}, tail, tail}},
  };
  Utf8Verdict verdict;
  const auto next_in = [&](Range range) {
    const auto byte = std::to_integer<unsigned>(text[verdict.taken]);
    return byte >= range.first && byte <= range.last;
  };
  while (verdict.taken < text.size()) {
    const auto* character = std::begin(characters);
    while (character != std::end(characters) && !next_in(character->ranges[0])) ++character;
    if (character == std::end(characters)) return verdict;
    for (unsigned i = 0; i < character->bytes; ++i) {
      if (verdict.taken == text.size() || !next_in(character->ranges[i])) return verdict;
      ++verdict.taken;
      ++verdict.begun;
    }
    verdict.begun = 0;
  }
  return verdict;
}

}  // namespace tidewire::support
