#include <tidewire/http/characters_internal.h>
#include <tidewire/http/headers.h>
#include <tidewire/http/scan_internal.h>
#include <algorithm>

namespace tidewire::http {
namespace {

const FieldSlices* find_field(const char* base, const FieldSlices* at, const FieldSlices* end,
                              std::string_view name) noexcept {
  while (at != end && !equals_ignoring_case(at->name.of(base), name)) ++at;
  return at;
}

// Where the list element that `list` begins with ends: at the first comma outside of quoted strings (RFC 9110 5.6.4),
// or at the end. After a quoted string that is not closed, no comma separates.
std::size_t element_size(std::string_view list) noexcept {
  const std::size_t comma = std::min(list.find(','), list.size());
  // Lists of tokens, which nearly all are, have no quotes.
  if (list.substr(0, comma).find('"') == std::string_view::npos) return comma;
  bool quoted = false;
  for (std::size_t at = 0; at < list.size(); ++at) {
    const char c = list[at];
    if (c == '"') {
      quoted = !quoted;
    } else if (c == '\\' && quoted) {
      ++at;
    } else if (c == ',' && !quoted) {
      return at;
    }
  }
  return list.size();
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && detail::to_lower(a[i]) != detail::to_lower(b[i])) return false;
  }
  return true;
}

FieldValues::FieldValues(const char* base, std::span<const FieldSlices> fields, std::string_view name) noexcept {
  const FieldSlices* end = fields.data() + fields.size();
  begin_ = {base, find_field(base, fields.data(), end, name), end, name};
}

FieldValues::Iterator& FieldValues::Iterator::operator++() noexcept {
  at_ = find_field(base_, at_ + 1, end_, name_);
  return *this;
}

std::string_view Fields::find(std::string_view name) const noexcept {
  const FieldSlices* end = fields_.data() + fields_.size();
  const FieldSlices* field = find_field(base_, fields_.data(), end, name);
  return field == end ? std::string_view() : field->value.of(base_);
}

bool Fields::contains(std::string_view name) const noexcept {
  const FieldSlices* end = fields_.data() + fields_.size();
  return find_field(base_, fields_.data(), end, name) != end;
}

void ListElements::Iterator::advance() noexcept {
  for (;;) {
    if (rest_.empty()) {
      if (next_ == end_) {
        done_ = true;
        return;
      }
      rest_ = *next_;
      ++next_;
      continue;
    }
    const std::size_t size = element_size(rest_);
    element_ = trim(rest_.substr(0, size));
    rest_ = size == rest_.size() ? std::string_view() : rest_.substr(size + 1);
    if (!element_.empty()) return;
  }
}

bool has_token(const ListElements& list, std::string_view token) noexcept {
  for (const std::string_view element : list) {
    if (equals_ignoring_case(element, token)) return true;
  }
  return false;
}

bool has_token(std::string_view value, std::string_view token) noexcept {
  return has_token(ListElements(value), token);
}

bool has_token(const FieldValues& values, std::string_view token) noexcept {
  return has_token(ListElements(values), token);
}

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), detail::is_token_character);
}

bool is_field_value(std::string_view text) noexcept {
  if (text.empty()) return true;
  if (detail::is_space(text.front()) || detail::is_space(text.back())) return false;
  const char* begin = text.data();
  const char* end = begin + text.size();
  const char* at = detail::find_control(begin, begin, end);
  while (at != end && *at == '\t') at = detail::find_control(begin, at + 1, end);
  return at == end;
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && detail::is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && detail::is_space(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace tidewire::http
