#include <chat/text.h>
#include <algorithm>
#include <array>

namespace chat {

namespace {

struct Character {
  char32_t code;
  std::string_view bytes;
};

/// Takes the first character off `text`, which is UTF-8 and not empty.
Character take_character(std::string_view& text) noexcept {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t announced = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  const std::size_t size = std::min(announced, text.size());
  char32_t code = announced == 1 ? first : first & (0xFFu >> (announced + 1));
  for (std::size_t i = 1; i < size; ++i) code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3Fu);
  const Character taken{code, text.substr(0, size)};
  text.remove_prefix(size);
  return taken;
}

struct Range {
  char32_t first;
  char32_t last;
};

template <std::size_t N>
bool in(const std::array<Range, N>& ranges, char32_t code) noexcept {
  return std::any_of(ranges.begin(), ranges.end(),
                     [code](const Range& range) { return code >= range.first && code <= range.last; });
}

/// Unicode's White_Space.
bool is_space(char32_t code) noexcept {
  static constexpr std::array<Range, 10> spaces{{{0x09, 0x0D},
                                                 {0x20, 0x20},
                                                 {0x85, 0x85},
                                                 {0xA0, 0xA0},
                                                 {0x1680, 0x1680},
                                                 {0x2000, 0x200A},
                                                 {0x2028, 0x2029},
                                                 {0x202F, 0x202F},
                                                 {0x205F, 0x205F},
                                                 {0x3000, 0x3000}}};
  return in(spaces, code);
}

/// C0, DEL and C1.
bool is_control(char32_t code) noexcept { return code < 0x20 || (code >= 0x7F && code <= 0x9F); }

/// Shown as nothing, or as something that it isn't: soft hyphen, fillers, zero widths, marks and overrides of
/// direction, tags, what isn't for interchange. Joiners and variation selectors are not here: emoji need them.
bool is_deceptive(char32_t code) noexcept {
  static constexpr std::array<Range, 14> ranges{{{0xAD, 0xAD},
                                                 {0x061C, 0x061C},
                                                 {0x115F, 0x1160},
                                                 {0x180E, 0x180E},
                                                 {0x200B, 0x200B},
                                                 {0x200E, 0x200F},
                                                 {0x202A, 0x202E},
                                                 {0x2060, 0x206F},
                                                 {0x3164, 0x3164},
                                                 {0xE000, 0xF8FF},
                                                 {0xFEFF, 0xFEFF},
                                                 {0xFFA0, 0xFFA0},
                                                 {0xFFF0, 0xFFFC},
                                                 {0xE0000, 0x10FFFF}}};
  return in(ranges, code);
}

bool is_joiner(char32_t code) noexcept {
  return code == 0x200C || code == 0x200D || (code >= 0xFE00 && code <= 0xFE0F);
}

bool is_lower_or_digit(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

}  // namespace

std::optional<std::string> clean_name(std::string_view text, std::size_t max_characters) {
  std::string name;
  std::size_t characters = 0;
  bool visible = false;
  bool space = false;
  while (!text.empty()) {
    const Character next = take_character(text);
    if (is_space(next.code)) {
      space = !name.empty();
      continue;
    }
    if (is_control(next.code) || is_deceptive(next.code)) continue;
    if (space) {
      name += ' ';
      ++characters;
      space = false;
    }
    name += next.bytes;
    visible = visible || !is_joiner(next.code);
    if (++characters > max_characters) return std::nullopt;
  }
  if (!visible) return std::nullopt;
  return name;
}

std::string name_key(std::string_view name) {
  std::string key;
  while (!name.empty()) {
    const Character next = take_character(name);
    if (is_joiner(next.code)) continue;
    const bool upper = next.code >= 'A' && next.code <= 'Z';
    if (upper) {
      key += static_cast<char>(next.code + ('a' - 'A'));
    } else {
      key += next.bytes;
    }
  }
  return key;
}

std::string clean_text(std::string_view text) {
  std::string clean;
  std::size_t ends = 0;
  while (!text.empty()) {
    const Character next = take_character(text);
    const bool crlf = next.code == '\r' && !text.empty() && text.front() == '\n';
    if (crlf) continue;  // The '\n' follows.
    const bool ends_line = next.code == '\n' || next.code == '\r' || next.code == 0x2028 || next.code == 0x2029;
    if (ends_line) {
      if (++ends <= 2) clean += '\n';
    } else if (next.code == '\t' || !is_control(next.code)) {
      ends = 0;
      clean += next.bytes;
    }
  }
  const std::size_t last = clean.find_last_not_of(" \t\n");
  clean.erase(last == std::string::npos ? 0 : last + 1);
  return clean;
}

bool is_room_name(std::string_view text, std::size_t max_characters) noexcept {
  return !text.empty() && text.size() <= max_characters && is_lower_or_digit(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_lower_or_digit(c) || c == '-' || c == '_'; });
}

bool is_reference(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 32 && std::all_of(text.begin(), text.end(), [](char c) {
    return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  });
}

}  // namespace chat
