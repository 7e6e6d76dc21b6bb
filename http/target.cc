#include <arpa/inet.h>
#include <tidewire/http/characters_internal.h>
#include <tidewire/http/target.h>
#include <algorithm>
#include <array>
#include <utility>

namespace tidewire::http {
namespace {

// What a byte of a path means to the scan for its end.
enum : std::uint8_t {
  plain = 0,
  to_check = 1,  // '%' and '.': the path needs check_path
  query_mark = 2,
  refused = 4,
};

constexpr auto path_bytes = [] {
  std::array<std::uint8_t, 256> table{};
  for (std::size_t c = 0; c < table.size(); ++c) {
    if (!detail::is_visible(static_cast<char>(c)) || c == '#') table[c] = refused;
  }
  table['%'] = to_check;
  table['.'] = to_check;
  table['?'] = query_mark;
  return table;
}();

constexpr const char* bad_character = "the request target holds a character that it must encode";

// One byte of encoded text, decoded: -1 if badly encoded, which %00 counts as. Moves `at` behind it.
int take_decoded(std::string_view text, std::size_t& at) noexcept {
  const char c = text[at++];
  if (c != '%') return static_cast<unsigned char>(c);
  if (text.size() - at < 2) return -1;
  const int high = detail::hex_value(text[at]);
  const int low = detail::hex_value(text[at + 1]);
  at += 2;
  const int value = high * 16 + low;
  return high < 0 || low < 0 || value == 0 ? -1 : value;
}

// Refuses bad percent-encoding and dot segments, whichever of the separators stand around them.
const char* check_path(std::string_view path) noexcept {
  std::size_t segment_size = 0;
  bool only_dots = true;
  const auto is_dot_segment = [&] { return only_dots && (segment_size == 1 || segment_size == 2); };
  for (std::size_t at = 0; at < path.size();) {
    const int c = take_decoded(path, at);
    if (c < 0) return "the path is badly percent-encoded";
    if (c == '/' || c == '\\') {
      if (is_dot_segment()) break;
      segment_size = 0;
      only_dots = true;
    } else {
      ++segment_size;
      only_dots = only_dots && c == '.';
    }
  }
  return is_dot_segment() ? "the path holds a dot segment" : nullptr;
}

// Splits what follows the authority, or the whole of an origin form: `offset` is where it begins.
const char* split_path(std::string_view target, std::size_t offset, Target& parsed) noexcept {
  std::uint8_t seen = plain;
  std::size_t at = offset;
  for (; at < target.size(); ++at) {
    const std::uint8_t kind = path_bytes[static_cast<unsigned char>(target[at])];
    if (kind > to_check) {
      if (kind == refused) return bad_character;
      break;
    }
    seen |= kind;
  }
  parsed.path = {static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(at - offset)};
  if (seen != plain) {
    if (const char* problem = check_path(target.substr(offset, at - offset))) return problem;
  }
  if (at == target.size()) return nullptr;
  ++at;
  parsed.has_query = true;
  parsed.query = {static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(target.size() - at)};
  for (; at < target.size(); ++at) {
    if (path_bytes[static_cast<unsigned char>(target[at])] == refused) return bad_character;
  }
  return nullptr;
}

// absolute-form (RFC 9112 3.2.2).
const char* parse_absolute(std::string_view target, Target& parsed) noexcept {
  const std::size_t colon = target.find(':');
  if (colon == std::string_view::npos || target.substr(colon, 3) != "://")
    return "the request target has no known form";
  const std::string_view scheme = target.substr(0, colon);
  if (!equals_ignoring_case(scheme, "http") && !equals_ignoring_case(scheme, "https")) {
    return "the request target's scheme is neither http nor https";
  }
  const std::size_t begin = colon + 3;
  const std::size_t end = std::min(target.find_first_of("/?#", begin), target.size());
  if (!is_host(target.substr(begin, end - begin))) return "the request target's authority is invalid";
  parsed.form = TargetForm::absolute;
  parsed.authority = {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end - begin)};
  if (const char* problem = split_path(target, end, parsed)) return problem;
  // "If the path is empty, the client MUST send "/"": one who did not is read so, by the scheme's second slash.
  if (parsed.path.size == 0) parsed.path = {static_cast<std::uint32_t>(colon + 2), 1};
  return nullptr;
}

bool is_ipv6_address(std::string_view text) noexcept {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos) return false;
  text.copy(terminated.data(), text.size());
  in6_addr address;
  return inet_pton(AF_INET6, terminated.data(), &address) == 1;
}

bool is_port(std::string_view text) noexcept {
  unsigned value = 0;
  for (const char c : text) {
    if (!detail::is_digit(c)) return false;
    value = value * 10 + static_cast<unsigned>(c - '0');
    if (value > 65535) return false;
  }
  return true;
}

// The size of the registered name (RFC 3986 3.2.2) that `text` begins with; npos if badly encoded.
std::size_t registered_name_size(std::string_view text) noexcept {
  std::size_t at = 0;
  for (;;) {
    while (at < text.size() && detail::is_in(detail::name_characters, text[at])) ++at;
    if (at == text.size() || text[at] != '%') return at;
    if (take_decoded(text, at) < 0) return std::string_view::npos;
  }
}

// Takes what stands before the separator off the text, and the separator with it; all of it if there is none.
std::string_view take_before(std::string_view& text, char separator) noexcept {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) return std::exchange(text, {});
  const std::string_view before = text.substr(0, at);
  text.remove_prefix(at + 1);
  return before;
}

// A name or value of application/x-www-form-urlencoded: '+' stands for a space.
std::optional<std::string> decode_form_text(std::string_view text) {
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  std::string decoded;
  if (!percent_decode(spaced, decoded)) return std::nullopt;
  return decoded;
}

}  // namespace

const char* parse_target(std::string_view target, Method method, Target& parsed) noexcept {
  parsed = {};
  if (target.empty()) return "the request target is empty";
  if (method == Method::connect) {
    const std::size_t colon = target.rfind(':');
    if (colon == std::string_view::npos || colon + 1 == target.size() || !is_host(target)) {
      return "the target of CONNECT is not host:port";
    }
    parsed.form = TargetForm::authority;
    parsed.authority = {0, static_cast<std::uint32_t>(target.size())};
    return nullptr;
  }
  if (target.front() == '/') return split_path(target, 0, parsed);
  if (target == "*") {
    if (method != Method::options) return "the target * is for OPTIONS alone";
    parsed.form = TargetForm::asterisk;
    parsed.path = {0, 1};
    return nullptr;
  }
  return parse_absolute(target, parsed);
}

bool is_host(std::string_view text) noexcept {
  if (text.empty()) return false;
  std::size_t size = 0;
  if (text.front() == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || !is_ipv6_address(text.substr(1, close - 1))) return false;
    size = close + 1;
  } else {
    size = registered_name_size(text);
    if (size == 0 || size == std::string_view::npos) return false;
  }
  return size == text.size() || (text[size] == ':' && is_port(text.substr(size + 1)));
}

bool percent_decode(std::string_view encoded, std::string& out) {
  const std::size_t before = out.size();
  for (std::size_t at = 0; at < encoded.size();) {
    const int c = take_decoded(encoded, at);
    if (c < 0) {
      out.resize(before);
      return false;
    }
    out.push_back(static_cast<char>(c));
  }
  return true;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (detail::is_in(detail::unreserved_characters, c)) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(digits[byte >> 4]);
      out.push_back(digits[byte & 15]);
    }
  }
  return out;
}

std::optional<std::string> query_parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    std::string_view value = take_before(query, '&');
    if (value.empty()) continue;
    const std::optional<std::string> key = decode_form_text(take_before(value, '='));
    if (key && *key == name) return decode_form_text(value);
  }
  return std::nullopt;
}

}  // namespace tidewire::http
