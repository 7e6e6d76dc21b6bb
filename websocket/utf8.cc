#include <tidewire/websocket/utf8.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace tidewire::websocket {
namespace {

using Byte = std::uint8_t;

// How many bytes at the front are ASCII, at least up to the next whole word: the caller takes the rest.
const Byte* skip_ascii(const Byte* at, const Byte* end) noexcept {
#if defined(__SSE2__)
  for (; end - at >= 16; at += 16) {
    const int high_bits = _mm_movemask_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
    if (high_bits != 0) return at + __builtin_ctz(static_cast<unsigned>(high_bits));
  }
#endif
  for (; end - at >= 8; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    if ((word & 0x8080808080808080) != 0) break;
  }
  while (at != end && *at < 0x80) ++at;
  return at;
}

// What a byte that begins a character of several bytes says about the rest of it (RFC 3629 section 4).
struct Lead {
  Byte missing = 0;  // 0: no character begins with it.
  Byte lowest = 0x80;
  Byte highest = 0xBF;
};

constexpr Lead lead_of(Byte byte) noexcept {
  if (byte < 0xC2) return {};                // A continuation byte, or an overlong form of ASCII.
  if (byte < 0xE0) return {1, 0x80, 0xBF};   //
  if (byte == 0xE0) return {2, 0xA0, 0xBF};  // Below: overlong.
  if (byte == 0xED) return {2, 0x80, 0x9F};  // Above: surrogates.
  if (byte < 0xF0) return {2, 0x80, 0xBF};   //
  if (byte == 0xF0) return {3, 0x90, 0xBF};  // Below: overlong.
  if (byte < 0xF4) return {3, 0x80, 0xBF};   //
  if (byte == 0xF4) return {3, 0x80, 0x8F};  // Above: beyond U+10FFFF.
  return {};
}

constexpr bool is_continuation(Byte byte) noexcept { return (byte & 0xC0) == 0x80; }

// Takes whole characters of several bytes, as long as four bytes can be looked at. Stops at ASCII, at what
// isn't UTF-8, and near the end.
const Byte* skip_characters(const Byte* at, const Byte* end) noexcept {
  while (end - at >= 4) {
    const Byte lead = at[0];
    if (lead < 0x80) return at;
    if (lead < 0xE0) {
      if (lead < 0xC2 || !is_continuation(at[1])) return at;
      at += 2;
    } else if (lead < 0xF0) {
      const unsigned start = (static_cast<unsigned>(lead) << 8) | at[1];
      if (!is_continuation(at[1]) || !is_continuation(at[2])) return at;
      if (start < 0xE0A0 || (start >= 0xEDA0 && start <= 0xEDBF)) return at;
      at += 3;
    } else {
      const unsigned start = (static_cast<unsigned>(lead) << 8) | at[1];
      if (!is_continuation(at[1]) || !is_continuation(at[2]) || !is_continuation(at[3])) return at;
      if (start < 0xF090 || start > 0xF48F) return at;
      at += 4;
    }
  }
  return at;
}

}  // namespace

bool Utf8::feed(Bytes piece) noexcept {
  const auto* at = reinterpret_cast<const Byte*>(piece.data());
  const Byte* const end = at + piece.size();
  while (at != end) {
    if (missing_ == 0) {
      at = skip_characters(skip_ascii(at, end), end);
      if (at == end) break;
      if (*at < 0x80) {
        ++at;
        continue;
      }
      const Lead lead = lead_of(*at++);
      if (lead.missing == 0) return false;
      missing_ = lead.missing;
      lowest_ = lead.lowest;
      highest_ = lead.highest;
      continue;
    }
    if (*at < lowest_ || *at > highest_) return false;
    ++at;
    --missing_;
    lowest_ = 0x80;
    highest_ = 0xBF;
  }
  return true;
}

bool is_utf8(Bytes text) noexcept {
  Utf8 utf8;
  return utf8.feed(text) && utf8.complete();
}

std::string_view truncate_utf8(std::string_view text, std::size_t max_bytes) noexcept {
  if (text.size() <= max_bytes) return text;
  std::size_t size = max_bytes;
  while (size > 0 && is_continuation(static_cast<Byte>(text[size]))) --size;
  return text.substr(0, size);
}

}  // namespace tidewire::websocket
