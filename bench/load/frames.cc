#include <support/json_text.h>
#include <tidewire/bench/frames.h>
#include <algorithm>
#include <array>
#include <random>

namespace tidewire::bench {
namespace {

constexpr std::array<std::string_view, 4> names = {"ascii", "mixed", "binary", "json"};

/// Half of the words are ASCII, as in what people write each other on the web; the others are Latin with accents, Greek
/// and Cyrillic (two bytes a character), Chinese, Japanese and Korean (three), and emoji (four).
constexpr std::array<std::string_view, 48> words = {
    "the",  "message",    "is",    "on",     "its",   "way",       "ok",     "2026",   "hello,", "see",
    "you",  "at",         "10:30", "please", "and",   "thanks!",   "https:", "a",      "server", "answers",
    "with", "what",       "it",    "got",    "Grüße", "déjà",      "vu",     "naïve",  "señor",  "Łódź",
    "καλά", "привет",     "мир",   "как",    "дела?", "сообщение", "你好",   "世界",   "服务器", "消息",
    "です", "ありがとう", "안녕",  "하세요", "😀",     "👍🎉",        "🚀",      "❤️",
};

constexpr std::uint8_t final_fragment = 0x80;
constexpr std::uint8_t rsv1 = 0x40;
constexpr std::uint8_t masked = 0x80;

void append_big_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 0xff);
}

enum class Opcode : std::uint8_t { text = 1, binary = 2, close = 8 };

Opcode opcode_of(Content content) { return content == Content::binary ? Opcode::binary : Opcode::text; }

std::string header(Opcode opcode, std::size_t bytes, std::uint8_t mask_bit) {
  std::string out(1, static_cast<char>(final_fragment | static_cast<std::uint8_t>(opcode)));
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

std::string masked_frame(Opcode opcode, std::string_view payload, std::uint32_t mask) {
  std::string out = header(opcode, payload.size(), masked);
  std::string key;
  append_big_endian(key, mask, 4);
  out += key;
  out.reserve(out.size() + payload.size());
  for (std::size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ key[i % 4]);
  return out;
}

// mt19937's sequence is fixed by the standard; the distributions' are not.
constexpr std::uint32_t seed = 6455;

std::string mixed_text(std::size_t bytes, std::uint32_t variant) {
  std::mt19937 random(seed + variant);
  std::string out;
  out.reserve(bytes);
  while (out.size() < bytes) {
    const std::string_view word = words[random() % words.size()];
    // What is left and too short for this word is filled with ASCII, so that no character is cut.
    if (word.size() > bytes - out.size()) return out.append(bytes - out.size(), '.');
    out += word;
    if (out.size() < bytes) out += ' ';
  }
  return out;
}

}  // namespace

std::vector<std::string> content_names() { return {names.begin(), names.end()}; }

std::optional<Content> content_named(std::string_view name) {
  const auto* const found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Content>(found - names.begin());
}

std::string payload(Content content, std::size_t bytes, std::uint32_t variant) {
  if (content == Content::mixed) return mixed_text(bytes, variant);
  if (content == Content::json) return support::json_text(bytes, variant);
  std::mt19937 random(seed + variant);
  std::string out(bytes, '\0');
  for (char& c : out) {
    const auto value = random();
    c = static_cast<char>(content == Content::ascii ? ' ' + value % ('~' - ' ' + 1) : value & 0xff);
  }
  return out;
}

std::string server_frame(Content content, std::string_view payload) {
  return header(opcode_of(content), payload.size(), 0).append(payload);
}

std::string client_frame(Content content, std::string_view payload, std::uint32_t mask, Coding coding) {
  std::string frame = masked_frame(opcode_of(content), payload, mask);
  if (coding == Coding::deflated) frame.front() = static_cast<char>(static_cast<std::uint8_t>(frame.front()) | rsv1);
  return frame;
}

std::string client_close_frame(std::string_view payload, std::uint32_t mask) {
  return masked_frame(Opcode::close, payload, mask);
}

}  // namespace tidewire::bench
