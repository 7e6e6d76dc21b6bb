#include <tidewire/websocket/mask.h>
#include <tidewire/websocket/utf8.h>
#include <tidewire/websocket/utf8_internal.h>
#include <algorithm>
#include <cassert>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace tidewire::websocket {
namespace {

using Byte = std::uint8_t;

// Skips the ASCII at the front.
template <bool vectors>
inline const Byte* skip_ascii(const Byte* at, const Byte* end) noexcept {
  // The last vector or word may overlap those before it: all that is left is looked at in one go.
  const std::ptrdiff_t size = end - at;
#if defined(__SSE2__)
  if (vectors && size >= 16) {
    const auto high_bits = [](const Byte* from) {
      const int bits = _mm_movemask_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
      return static_cast<unsigned>(bits);
    };
    for (; end - at > 16; at += 16) {
      if (const unsigned bits = high_bits(at); bits != 0) return at + __builtin_ctz(bits);
    }
    const unsigned bits = high_bits(end - 16);
    return bits == 0 ? end : end - 16 + __builtin_ctz(bits);
  }
#endif
  const auto is_ascii = [](const Byte* from) {
    return (load_native<std::uint64_t>(reinterpret_cast<const std::byte*>(from)) & 0x8080808080808080) == 0;
  };
  if (size >= 8) {
    while (end - at > 8 && is_ascii(at)) at += 8;
    if (end - at <= 8 && is_ascii(end - 8)) return end;
  }
  while (at != end && *at < 0x80) ++at;
  return at;
}

Bytes behind_ascii(Bytes text) noexcept {
  const auto* const begin = reinterpret_cast<const Byte*>(text.data());
  return text.subspan(static_cast<std::size_t>(skip_ascii<true>(begin, begin + text.size()) - begin));
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
[[gnu::always_inline]] inline const Byte* skip_characters(const Byte* at, const Byte* end) noexcept {
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

#if defined(__x86_64__)

constexpr std::size_t max_missing_bytes = 3;

// How many bytes at the end begin a character that goes on behind it, if the text is good so far.
std::size_t unfinished_bytes(Bytes text) noexcept {
  for (std::size_t count = 1; count <= max_missing_bytes; ++count) {
    const auto byte = std::to_integer<Byte>(text[text.size() - count]);
    if (!is_continuation(byte)) return lead_of(byte).missing >= count ? count : 0;
  }
  return 0;
}

// Takes the mask off very few bytes.
void unmask_few(std::byte* to, Bytes from, std::uint32_t key) noexcept {
  std::byte key_bytes[4];
  std::memcpy(key_bytes, &key, 4);
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = from[i] ^ key_bytes[i % 4];
}

bool check_whole(std::byte* to, Bytes from, std::uint32_t key, CpuLevel level) noexcept {
  if (to == nullptr) {
    return level == CpuLevel::avx512 ? detail::check_avx512(from.data(), from.size())
                                     : detail::check_avx2(from.data(), from.size());
  }
  return level == CpuLevel::avx512 ? detail::unmask_and_check_avx512(to, from.data(), from.size(), key)
                                   : detail::unmask_and_check_avx2(to, from.data(), from.size(), key);
}

#endif

// From these sizes on a form is ahead of what is used below them.
constexpr std::size_t smallest_wide_bytes = 32;         // For text that isn't ASCII.
constexpr std::size_t smallest_wide_ascii_bytes = 128;  // For ASCII as well.
constexpr std::size_t smallest_avx512_bytes = 512;      // Its ends, which take masked accesses, must pay.

CpuLevel level_for(std::size_t bytes) noexcept {
  return std::min(cpu_level(), bytes < smallest_avx512_bytes ? CpuLevel::avx2 : CpuLevel::avx512);
}

}  // namespace

template <bool vectors>
bool Utf8::feed_narrow(Bytes piece) noexcept {
  const auto* at = reinterpret_cast<const Byte*>(piece.data());
  const Byte* const end = at + piece.size();
  while (at != end) {
    if (missing_ == 0) {
      if (*at < 0x80) at = skip_ascii<vectors>(at, end);
      at = skip_characters(at, end);
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

#if defined(__x86_64__)
// The wide forms check whole characters and have no state. What the front of the piece ends and what its back begins
// goes through `feed_narrow`. With no `to`, nothing is written, and `key` is 0.
bool Utf8::feed_wide(std::byte* to, Bytes piece, std::uint32_t key, CpuLevel level) noexcept {
  assert(piece.size() >= smallest_wide_bytes && cpu_level() >= level);
  std::byte few[max_missing_bytes];
  if (const std::size_t front = missing_; front != 0) {
    unmask_few(few, piece.first(front), key);
    if (!feed_narrow<false>({few, front})) return false;
    if (to != nullptr) to = std::copy_n(few, front, to);
    piece = piece.subspan(front);
    key = rotate_key(key, front);
  }
  const std::size_t others = piece.size() - max_missing_bytes;
  unmask_few(few, piece.subspan(others), rotate_key(key, others));
  const Bytes back = Bytes(few).last(unfinished_bytes(few));
  const Bytes whole = piece.first(piece.size() - back.size());
  if (!check_whole(to, whole, key, level)) return false;
  if (to != nullptr) std::copy(back.begin(), back.end(), to + whole.size());
  return feed_narrow<false>(back);
}
#endif

bool Utf8::feed(Bytes piece) noexcept {
  if (piece.size() >= smallest_wide_bytes) {
    if (piece.size() < smallest_wide_ascii_bytes && missing_ == 0) piece = behind_ascii(piece);
    if (piece.empty()) return true;
    if (piece.size() >= smallest_wide_bytes) return feed(piece, level_for(piece.size()));
  }
  return feed_narrow<true>(piece);
}

bool Utf8::feed(Bytes piece, CpuLevel level) noexcept {
#if defined(__x86_64__)
  if (level >= CpuLevel::avx2 && piece.size() >= smallest_wide_bytes) return feed_wide(nullptr, piece, 0, level);
#endif
  return level == CpuLevel::portable ? feed_narrow<false>(piece) : feed_narrow<true>(piece);
}

bool Utf8::feed_masked(std::byte* to, Bytes piece, std::uint32_t key) noexcept {
  if (piece.size() >= smallest_wide_ascii_bytes) return feed_masked(to, piece, key, level_for(piece.size()));
  copy_masked(to, piece, key);
  return feed({to, piece.size()});
}

bool Utf8::feed_masked(std::byte* to, Bytes piece, std::uint32_t key, CpuLevel level) noexcept {
#if defined(__x86_64__)
  if (level >= CpuLevel::avx2 && piece.size() >= smallest_wide_bytes) return feed_wide(to, piece, key, level);
#endif
  // In pieces that are still in the cache when they are looked at. A multiple of four: the key needs no rotation.
  constexpr std::size_t cached_bytes = std::size_t{8} << 10;
  while (!piece.empty()) {
    const Bytes part = piece.first(std::min(piece.size(), cached_bytes));
    copy_masked(to, part, key, level);
    if (!feed({to, part.size()}, level)) return false;
    to += part.size();
    piece = piece.subspan(part.size());
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
