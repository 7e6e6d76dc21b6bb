#pragma once

#include <cstddef>
#include <cstdint>

/// The forms of the check that need instructions beyond the base of x86-64. Not installed; see Utf8::feed.
///
/// `size` bytes at `from` are a whole text: they begin and end where characters do. Where there is a `to`, the mask
/// with `key` is taken off on the way there, which is `from` or doesn't overlap it, and what comes out is checked.
/// Nothing outside of the two ranges is read or written. After false it is unspecified what is at `to`.
namespace tidewire::websocket::detail {

#if defined(__x86_64__)
[[nodiscard]] bool check_avx2(const std::byte* from, std::size_t size) noexcept;
[[nodiscard]] bool unmask_and_check_avx2(std::byte* to, const std::byte* from, std::size_t size,
                                         std::uint32_t key) noexcept;
[[nodiscard]] bool check_avx512(const std::byte* from, std::size_t size) noexcept;
[[nodiscard]] bool unmask_and_check_avx512(std::byte* to, const std::byte* from, std::size_t size,
                                           std::uint32_t key) noexcept;
#endif

}  // namespace tidewire::websocket::detail
