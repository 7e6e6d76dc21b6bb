#include <tidewire/core/base64.h>
#include <array>
#include <cstdint>

namespace tidewire {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t not_a_digit = 0xFF;

constexpr auto digit_values = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(not_a_digit);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    values[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}();

}  // namespace

void append_base64(std::string& to, Bytes data) {
  const std::size_t before = to.size();
  to.resize(before + base64_size(data.size()));
  encode_base64(to.data() + before, data);
}

void encode_base64(char* out, Bytes data) noexcept {
  for (; !data.empty(); data = data.subspan(data.size() < 3 ? data.size() : 3)) {
    std::uint32_t group = std::to_integer<std::uint32_t>(data[0]) << 16;
    if (data.size() > 1) group |= std::to_integer<std::uint32_t>(data[1]) << 8;
    if (data.size() > 2) group |= std::to_integer<std::uint32_t>(data[2]);
    *out++ = alphabet[group >> 18];
    *out++ = alphabet[(group >> 12) & 63];
    *out++ = data.size() > 1 ? alphabet[(group >> 6) & 63] : '=';
    *out++ = data.size() > 2 ? alphabet[group & 63] : '=';
  }
}

std::optional<std::vector<std::byte>> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return {};
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;

  std::vector<std::byte> bytes;
  bytes.reserve(text.size() / 4 * 3);
  const std::size_t digits = text.size() - padding;
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    const std::uint8_t value = digit_values[static_cast<std::uint8_t>(text[i])];
    if (value == not_a_digit) return {};
    bits = (bits << 6) | value;
    // Of the digits of a group all but the first complete a byte, and leave 4, 2, then 0 bits over.
    if (i % 4 != 0) bytes.push_back(static_cast<std::byte>(bits >> (6 - 2 * (i % 4))));
  }
  const std::uint32_t left_over = padding == 2 ? bits & 0x0F : padding == 1 ? bits & 0x03 : 0;
  if (left_over != 0) return {};
  return bytes;
}

}  // namespace tidewire
