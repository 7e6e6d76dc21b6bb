#pragma once

#include <tidewire/http/characters_internal.h>
#include <tidewire/http/headers.h>
#include <tidewire/http/parser.h>
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

  Progress wait() const noexcept {
    position_.scanned = static_cast<std::size_t>(end_ - begin_);
    return {};
  }

  // The line is wrong: but it is judged only when it is whole.
  Progress refuse(const char* detail, Status status = Status::bad_request) const noexcept {
    const bool is_whole = std::memchr(line(), '\n', static_cast<std::size_t>(end_ - line())) != nullptr;
    return is_whole ? error(status, detail) : wait();
  }

  void take_line(const char* next) noexcept { position_.line = static_cast<std::size_t>(next - begin_); }

  // Reads field lines up to the empty one. `Take` gets each, to return a Problem.
  template <class Take>
  Progress read_fields(std::vector<FieldSlices>& fields, std::size_t max_fields, Take take);

 private:
  const char* begin_;
  const char* end_;
  HeadPosition& position_;
};

template <class Take>
Progress LineReader::read_fields(std::vector<FieldSlices>& fields, std::size_t max_fields, Take take) {
  for (const char* at = line();;) {
    const char* name = at;
    at = skip_token(at, end_);
    if (at == end_) return wait();
    if (*at == '\r' && at == name) {
      if (at + 1 == end_) return wait();
      if (at[1] != '\n') return refuse("a bare CR");
      return complete(static_cast<std::size_t>(at + 2 - begin_));
    }
    if (*at != ':' || at == name) return refuse(explain_name(name, at));
    const char* name_end = at;

    do ++at;
    while (at != end_ && is_space(*at));
    const char* value = at;
    at = find_control(at, end_);
    while (at != end_ && *at == '\t') at = find_control(at + 1, end_);
    if (at == end_ || (*at == '\r' && at + 1 == end_)) return wait();
    if (*at != '\r' || at[1] != '\n') return refuse("a control character in a header value, or a bare CR or LF");
    const char* value_end = at;
    while (value_end != value && is_space(value_end[-1])) --value_end;

    at += 2;
    take_line(at);
    if (fields.size() >= max_fields) return error(Status::request_header_fields_too_large, "too many header fields");
    fields.push_back({slice(begin_, name, name_end), slice(begin_, value, value_end)});
    if (const Problem problem = take(fields.back(), fields.size() - 1); problem.detail != nullptr) {
      return error(problem.status, problem.detail);
    }
  }
}

}  // namespace tidewire::http::detail
