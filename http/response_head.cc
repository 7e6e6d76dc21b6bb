#include <tidewire/http/response_head.h>
#include <charconv>
#include <cstring>

namespace tidewire::http {
namespace {

// How most heads begin.
constexpr std::string_view ok_start = "HTTP/1.1 200 OK\r\nServer: tidewire\r\nDate: ";
constexpr std::string_view server_line = "Server: tidewire\r\n";
constexpr std::string_view date_name = "Date: ";
constexpr std::string_view length_name = "Content-Length: ";
constexpr std::string_view chunked_line = "Transfer-Encoding: chunked\r\n";
constexpr std::string_view line_end = "\r\n";
constexpr std::size_t max_digits = 20;

std::string_view connection_line(ConnectionOption option) noexcept {
  switch (option) {
    case ConnectionOption::implied:
      break;
    case ConnectionOption::close:
      return "Connection: close\r\n";
    case ConnectionOption::keep_alive:
      return "Connection: keep-alive\r\n";
    case ConnectionOption::upgrade:
      return "Connection: upgrade\r\n";
  }
  return {};
}

char* put(char* at, std::string_view text) noexcept {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

char* put_date(char* at, const DateText& date) noexcept {
  return put(put(at, {date.text().data(), DateText::length}), line_end);
}

char* put_status_line(char* at, Status status) noexcept {
  if (code_of(status) < 100 || code_of(status) > 999) status = Status::internal_server_error;
  if (const std::string_view line = status_line(status); !line.empty()) return put(at, line);
  // The space in front of the phrase stays when there is none (RFC 9112 4).
  at = put(at, "HTTP/1.1 ");
  at = std::to_chars(at, at + max_digits, code_of(status)).ptr;
  return put(at, " \r\n");
}

char* put_framing(char* at, Status status, Framing framing) noexcept {
  // "A server MUST NOT send a Content-Length header field in any response with a status code of 1xx (Informational) or
  // 204 (No Content)" (RFC 9110 8.6), nor a Transfer-Encoding (RFC 9112 6.1); of a 304 neither describes content.
  if (!may_have_content(status)) return at;
  if (framing.kind == Framing::Kind::chunked) return put(at, chunked_line);
  if (framing.kind != Framing::Kind::length) return at;
  at = put(at, length_name);
  at = std::to_chars(at, at + max_digits, framing.length).ptr;
  return put(at, line_end);
}

}  // namespace

void ResponseHead::clear() noexcept {
  status_ = Status::ok;
  fields_.clear();
}

char* ResponseHead::write(char* at, const DateText& date, Framing framing, ConnectionOption connection,
                          std::string_view last_lines) const noexcept {
  if (status_ == Status::ok && !fields_.has_server() && !fields_.has_date()) {
    at = put(at, ok_start);
    at = put_date(at, date);
  } else {
    at = put_status_line(at, status_);
    if (!fields_.has_server()) at = put(at, server_line);
    if (!fields_.has_date()) at = put_date(put(at, date_name), date);
  }
  if (connection != ConnectionOption::implied) at = put(at, connection_line(connection));
  at = put_framing(at, status_, framing);
  if (!fields_.empty()) at = put(at, fields_.text());
  if (!last_lines.empty()) at = put(at, last_lines);
  return put(at, line_end);
}

void ResponseHead::write(Buffer& out, const DateText& date, Framing framing, ConnectionOption connection,
                         std::string_view last_lines) const {
  char* const begin = reinterpret_cast<char*>(out.prepare(max_size() + last_lines.size()).data());
  out.commit(static_cast<std::size_t>(write(begin, date, framing, connection, last_lines) - begin));
}

}  // namespace tidewire::http
