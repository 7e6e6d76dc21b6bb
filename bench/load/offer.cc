#include <tidewire/bench/offer.h>
#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <string>
#include <vector>

namespace tidewire::bench {
namespace {

/// The parts between separators, without the white space around them.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (bool more = true; more;) {
    const auto end = std::min(text.find(separator), text.size());
    std::string_view part = text.substr(0, end);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    parts.push_back(part);
    more = end < text.size();
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

/// 8 to 15; the value may be quoted (RFC 6455 9.1).
std::optional<int> window_bits(std::string_view value) {
  if (value.size() > 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
  int bits = 0;
  const auto read = std::from_chars(value.data(), value.data() + value.size(), bits);
  if (read.ec != std::errc() || read.ptr != value.data() + value.size() || bits < 8 || bits > 15) return std::nullopt;
  return bits;
}

/// It comes from the server and goes to a terminal.
std::string printable(std::string_view text) {
  std::string out(text.substr(0, 100));
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return std::isprint(c) == 0; }, '?');
  return out;
}

}  // namespace

std::string_view text_of(Offer offer) noexcept {
  switch (offer) {
    case Offer::nothing:
      return "";
    case Offer::deflate:
      return "permessage-deflate; client_max_window_bits; server_no_context_takeover; client_no_context_takeover";
    case Offer::deflate_with_takeover:
      return "permessage-deflate; client_max_window_bits";
  }
  return "";
}

Result<int> client_window_bits(std::string_view extensions, Offer offer) {
  const auto unwanted = [&](const char* what) {
    return Error{Errc::refused, std::string("the server ") + what + ": \"" + printable(extensions) + "\""};
  };
  if (extensions.empty()) return Error{Errc::refused, "the server does not compress"};
  std::vector<std::string_view> words = split(extensions, ';');
  if (words.front() != "permessage-deflate") return unwanted("agreed to something else than permessage-deflate");
  words.erase(words.begin());
  int bits = 15;
  bool server_takeover = true;
  for (const std::string_view word : words) {
    const std::string_view name = word.substr(0, word.find('='));
    const std::string_view value = word.substr(std::min(word.size(), name.size() + 1));
    if (name == "server_no_context_takeover" && value.empty()) {
      server_takeover = false;
    } else if (name == "client_no_context_takeover" && value.empty()) {
      if (offer == Offer::deflate_with_takeover) return unwanted("permits no takeover");
    } else if (name == "client_max_window_bits" || name == "server_max_window_bits") {
      const auto read = window_bits(value);
      if (!read) return unwanted("answered with window bits that are none");
      if (name.front() == 'c') bits = *read;
    } else {
      return unwanted("answered with an unknown parameter");
    }
  }
  if (server_takeover != (offer == Offer::deflate_with_takeover)) return unwanted("answered otherwise about takeover");
  if (bits == 8) return unwanted("wants a window of 8 bits");
  return bits;
}

}  // namespace tidewire::bench
