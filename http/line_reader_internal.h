#pragma once

#include <tidewire/http/headers.h>
#include <tidewire/http/parser.h>
#include <tidewire/http/scan_internal.h>
#include <cstring>
#include <string_view>
#include <vector>

/// Header and trailer lines, read in place: what heads and trailer sections have in common.
namespace tidewire::http::detail {

/// What is wrong with a field; no detail means nothing.
struct Problem {
  const char* detail = nullptr;
  Status status = Status::bad_request;
};

inline Slice slice(const char* base, const char* begin, const char* end) noexcept {
  return {static_cast<std::uint32_t>(begin - base), static_cast<std::uint32_t>(end - begin)};
}

inline Progress error(Status status, const char* detail) noexcept { return {Progress::Kind::error, status, 0, detail}; }

inline Progress complete(std::size_t consumed) noexcept { return {Progress::Kind::complete, {}, consumed, ""}; }

/// Whether CRLF stands at `at`.
inline bool is_line_end(const char* at, const char* end) noexcept {
  return end - at >= 2 && std::memcmp(at, "\r\n", 2) == 0;
}

inline const char* explain_name(const char* line, const char* at) noexcept {
  if (at == line && is_space(*at)) return "a folded header line";
  if (at == line && *at == ':') return "a header line without a name";
  if (is_space(*at)) return "white space in or behind a header name";
  if (*at == '\r' || *at == '\n') return "a header line without a colon";
  return "a bad character in a header name";
}

// Reads the lines of one call's bytes. `end` is at the limit of a head's size at most.
class LineReader {
 public:
  LineReader(std::string_view bytes, HeadPosition& position) noexcept
      : begin_(bytes.data()), end_(begin_ + bytes.size()), position_(position) {}

  const char* base() const noexcept { return begin_; }
  const char* end() const noexcept { return end_; }
  const char* line() const noexcept { return begin_ + position_.line; }

  // Whether it is worth to look at the line at which the last call stopped: only once its LF has come, or else each
  // byte that trickles in would have the line read from its start.
  bool has_news() const noexcept {
    if (position_.scanned <= position_.line) return line() != end_;
    const char* from = begin_ + position_.scanned;
    return from != end_ && std::memchr(from, '\n', static_cast<std::size_t>(end_ - from)) != nullptr;
  }

  [[gnu::cold]] Progress wait() const noexcept {
    position_.scanned = static_cast<std::size_t>(end_ - begin_);
    return {};
  }

  // The line is wrong: but it is judged only when it is whole.
  [[gnu::cold]] Progress refuse(const char* detail, Status status = Status::bad_request) const noexcept {
    const bool is_whole = std::memchr(line(), '\n', static_cast<std::size_t>(end_ - line())) != nullptr;
    return is_whole ? error(status, detail) : wait();
  }

  void take_line(const char* next) const noexcept { position_.line = static_cast<std::size_t>(next - begin_); }

  // Reads field lines up to the empty one. `Take` gets the name and the value of each, to return a Problem.
  template <class Take>
  Progress read_fields(std::vector<FieldSlices>& fields, std::size_t max_fields, Take take) const;

 private:
  // The line at `name` is none of the common kind, a name and a value: it ends the fields, or is not whole, or wrong.
  // `name_end` is the first byte that is no name's, `line_end` the first control character, tabs aside.
  [[gnu::cold]] Progress end_fields(const char* name, const char* name_end, const char* line_end) const noexcept;

  const char* begin_;
  const char* end_;
  HeadPosition& position_;
};

inline Progress LineReader::end_fields(const char* name, const char* name_end, const char* line_end) const noexcept {
  take_line(name);
  if (name_end == end_) return wait();
  if (*name_end == ':' && name_end != name) {
    if (line_end == end_ || (*line_end == '\r' && line_end + 1 == end_)) return wait();
    return refuse("a control character in a header value, or a bare CR or LF");
  }
  if (*name_end != '\r' || name_end != name) return refuse(explain_name(name, name_end));
  if (name_end + 1 == end_) return wait();
  if (name_end[1] != '\n') return refuse("a bare CR");
  return complete(static_cast<std::size_t>(name_end + 2 - begin_));
}

template <class Take>
Progress LineReader::read_fields(std::vector<FieldSlices>& fields, std::size_t max_fields, Take take) const {
  // Copies, which nothing that is called can change: the loop has them in registers.
  const char* const begin = begin_;
  const char* const end = end_;
  const char* name = line();
  ControlMarks controls(name, end);
  for (;;) {
    const char* line_end = controls.next();
    if (!is_line_end(line_end, end)) {
      while (line_end != end && *line_end == '\t') line_end = controls.next();
    }
    const char* name_end = find_colon(name, end);
    if (name_end == nullptr) {
      if (line_end == name) return end_fields(name, name, line_end);
      name_end = skip_token(begin, name, end);
      if (name_end == end || *name_end != ':') return end_fields(name, name_end, line_end);
    }
    if (name_end == name || !is_line_end(line_end, end)) return end_fields(name, name_end, line_end);
    controls.skip();

    if (fields.size() >= max_fields) return error(Status::request_header_fields_too_large, "too many header fields");
    FieldSlices& field = fields.emplace_back();
    field.name = slice(begin, name, name_end);
    // One space stands in front of the value and none behind it, nearly always.
    const char* value = name_end + (name_end[1] == ' ' ? 2 : 1);
    std::string_view text(value, static_cast<std::size_t>(line_end - value));
    if (*value <= ' ' || line_end[-1] <= ' ') text = trim(text);
    field.value = slice(begin, text.data(), text.data() + text.size());
    const Problem problem = take({name, field.name.size}, text);
    if (problem.detail != nullptr) return error(problem.status, problem.detail);
    name = line_end + 2;
  }
}

}  // namespace tidewire::http::detail
