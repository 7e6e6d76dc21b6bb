#include <tidewire/http/field_lines.h>
#include <tidewire/http/headers.h>
#include <algorithm>
#include <array>

namespace tidewire::http {
namespace {

constexpr std::array<std::string_view, 4> reserved_names = {"content-length", "transfer-encoding", "connection",
                                                            "trailer"};

struct Line {
  std::size_t begin = 0;
  std::size_t size = 0;  // with its CRLF
  std::string_view name;
  std::string_view value;
};

// The line of `text` at `begin`; size 0 at the end.
Line line_at(std::string_view text, std::size_t begin) noexcept {
  if (begin >= text.size()) return {};
  const std::size_t end = text.find("\r\n", begin);
  const std::string_view line = text.substr(begin, end - begin);
  const std::size_t colon = line.find(':');
  return {begin, line.size() + 2, line.substr(0, colon), line.substr(colon + 2)};
}

// The first line with that name at or behind `begin`; size 0 if there is none.
Line find_line(std::string_view text, std::string_view name, std::size_t begin) noexcept {
  Line line = line_at(text, begin);
  while (line.size != 0 && !equals_ignoring_case(line.name, name)) line = line_at(text, line.begin + line.size);
  return line;
}

Result<void> check(std::string_view name, std::string_view value) {
  // A text that was refused is not repeated: the error may end in a log, which has lines as well.
  if (!is_token(name)) return Error{Errc::invalid_argument, "a header name that is not a token"};
  const auto is_name = [&](std::string_view reserved) { return equals_ignoring_case(reserved, name); };
  if (std::any_of(reserved_names.begin(), reserved_names.end(), is_name)) {
    return Error{Errc::invalid_argument, std::string("a header that the connection writes: ").append(name)};
  }
  if (!is_field_value(value)) {
    return Error{Errc::invalid_argument, std::string("a character that can't be in the value of ").append(name)};
  }
  return {};
}

}  // namespace

Result<void> FieldLines::set(std::string_view name, std::string_view value) {
  if (Result<void> checked = check(name, value); !checked) return checked;
  remove(name);
  put(name, value);
  return {};
}

Result<void> FieldLines::add(std::string_view name, std::string_view value) {
  if (Result<void> checked = check(name, value); !checked) return checked;
  put(name, value);
  return {};
}

void FieldLines::put(std::string_view name, std::string_view value) {
  text_.reserve(text_.size() + name.size() + value.size() + 4);
  text_.append(name).append(": ").append(value).append("\r\n");
  if (equals_ignoring_case(name, "date")) has_date_ = true;
  if (equals_ignoring_case(name, "server")) has_server_ = true;
}

bool FieldLines::remove(std::string_view name) {
  Line line = find_line(text_, name, 0);
  if (line.size == 0) return false;
  for (; line.size != 0; line = find_line(text_, name, line.begin)) text_.erase(line.begin, line.size);
  if (equals_ignoring_case(name, "date")) has_date_ = false;
  if (equals_ignoring_case(name, "server")) has_server_ = false;
  return true;
}

std::string_view FieldLines::find(std::string_view name) const noexcept { return find_line(text_, name, 0).value; }

bool FieldLines::has_line(std::string_view name) const noexcept { return find_line(text_, name, 0).size != 0; }

void FieldLines::clear() noexcept {
  text_.clear();
  has_date_ = false;
  has_server_ = false;
}

}  // namespace tidewire::http
