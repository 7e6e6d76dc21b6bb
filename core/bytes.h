#pragma once

#include <tidewire/core/export.h>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

/// Views of bytes, and integers in network byte order.
///
/// A view owns nothing. Where a callback hands one out, it is valid until that callback returns.
namespace tidewire {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

/// The bytes of a text. The result views `text`.
[[nodiscard]] inline Bytes as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

/// Bytes as text, unchecked: whether they are UTF-8 is for the caller to know. The result views `bytes`.
[[nodiscard]] inline std::string_view as_text(Bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

namespace detail {

template <class Integer>
constexpr Integer big_endian(Integer value) noexcept {
  if constexpr (std::endian::native == std::endian::big || sizeof(Integer) == 1) {
    return value;
  } else if constexpr (sizeof(Integer) == 2) {
    return __builtin_bswap16(value);
  } else if constexpr (sizeof(Integer) == 4) {
    return __builtin_bswap32(value);
  } else {
    return __builtin_bswap64(value);
  }
}

}  // namespace detail

/// Reads an unsigned integer in network byte order. `from` needs no alignment.
template <class Integer>
[[nodiscard]] inline Integer load_big_endian(const std::byte* from) noexcept {
  Integer value;
  std::memcpy(&value, from, sizeof value);
  return detail::big_endian(value);
}

/// Writes an unsigned integer in network byte order. `to` needs no alignment.
template <class Integer>
inline void store_big_endian(std::byte* to, Integer value) noexcept {
  value = detail::big_endian(value);
  std::memcpy(to, &value, sizeof value);
}

/// Reads an unsigned integer in this machine's own byte order. `from` needs no alignment.
template <class Integer>
[[nodiscard]] inline Integer load_native(const std::byte* from) noexcept {
  Integer value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

/// Copies bytes to where there is room for them and they do not overlap. What std::memcpy does, without the
/// call for the few bytes that headers and most messages are.
inline void copy_bytes(std::byte* to, Bytes from) noexcept {
  const std::size_t size = from.size();
  // Two accesses that overlap in the middle cover every size from one to two of their widths.
  const auto copy_ends = [&]<class Word>(Word) {
    Word head, tail;
    std::memcpy(&head, from.data(), sizeof head);
    std::memcpy(&tail, from.data() + size - sizeof tail, sizeof tail);
    std::memcpy(to, &head, sizeof head);
    std::memcpy(to + size - sizeof tail, &tail, sizeof tail);
  };
  struct Wide {
    std::uint64_t words[2];
  };
  if (size > 32) {
    std::memcpy(to, from.data(), size);
  } else if (size >= sizeof(Wide)) {
    copy_ends(Wide());
  } else if (size >= 8) {
    copy_ends(std::uint64_t());
  } else if (size >= 4) {
    copy_ends(std::uint32_t());
  } else if (size >= 2) {
    copy_ends(std::uint16_t());
  } else if (size == 1) {
    *to = from.front();
  }
}

}  // namespace tidewire
