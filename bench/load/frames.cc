#include <tidewire/bench/frames.h>
#include <random>

namespace tidewire::bench {
namespace {

constexpr std::uint8_t final_fragment = 0x80;
constexpr std::uint8_t masked = 0x80;

void append_big_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 0xff);
}

std::string header(Content content, std::size_t bytes, std::uint8_t mask_bit) {
  const std::uint8_t opcode = content == Content::text ? 1 : 2;
  std::string out(1, static_cast<char>(final_fragment | opcode));
  if (bytes < 126) {
    append_big_endian(out, mask_bit | bytes, 1);
  } else if (bytes <= 0xffff) {
    append_big_endian(out, mask_bit | 126U, 1);
    append_big_endian(out, bytes, 2);
  } else {
    append_big_endian(out, mask_bit | 127U, 1);
    append_big_endian(out, bytes, 8);
  }
  return out;
}

}  // namespace

std::string payload(Content content, std::size_t bytes) {
  // mt19937's sequence is fixed by the standard; the distributions' are not.
  std::mt19937 random(6455);
  std::string out(bytes, '\0');
  for (char& c : out) {
    const auto value = random();
    c = static_cast<char>(content == Content::text ? ' ' + value % ('~' - ' ' + 1) : value & 0xff);
  }
  return out;
}

std::string server_frame(Content content, std::string_view payload) {
  return header(content, payload.size(), 0).append(payload);
}

std::string client_frame(Content content, std::string_view payload, std::uint32_t mask) {
  std::string out = header(content, payload.size(), masked);
  std::string key;
  append_big_endian(key, mask, 4);
  out += key;
  out.reserve(out.size() + payload.size());
  for (std::size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ key[i % 4]);
  return out;
}

}  // namespace tidewire::bench
