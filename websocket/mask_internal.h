#pragma once

#include <cstddef>
#include <cstdint>

/// The form of masking that needs instructions beyond the base of x86-64. Not installed; see copy_masked.
namespace tidewire::websocket::detail {

#if defined(__x86_64__)
inline constexpr std::size_t smallest_avx2_bytes = 32;

/// `size` is at least `smallest_avx2_bytes`. `to` is `from` or doesn't overlap it.
void mask_avx2(std::byte* to, const std::byte* from, std::size_t size, std::uint32_t key) noexcept;
#endif

}  // namespace tidewire::websocket::detail
