#include <tidewire/http/characters_internal.h>
#include <tidewire/http/line_reader_internal.h>
#include <tidewire/http/parser.h>
#include <algorithm>
#include <cstring>
#include <limits>

namespace tidewire::http {
namespace {

using detail::complete;
using detail::error;
using detail::HeadFacts;
using detail::LineReader;
using detail::Problem;
using detail::slice;

constexpr std::uint64_t max_content_length = std::numeric_limits<std::int64_t>::max();

// Content-Length = 1*DIGIT (RFC 9110 8.6). A list of equal numbers, which a recipient may accept, is refused.
Problem take_content_length(std::string_view value, HeadFacts& facts) noexcept {
  if (facts.has_content_length) return {"more than one Content-Length"};
  facts.has_content_length = true;
  if (value.empty() || value.size() > 19) return {"Content-Length is not a number in range"};
  std::uint64_t length = 0;
  for (const char c : value) {
    if (!detail::is_digit(c)) return {"Content-Length is not a number in range"};
    length = length * 10 + static_cast<std::uint64_t>(c - '0');
  }
  // 19 digits stay below 2^64, so the sum has not wrapped.
  if (length > max_content_length) return {"Content-Length is not a number in range"};
  facts.content_length = length;
  return {};
}

// "If a Transfer-Encoding header field is present in a request and the chunked transfer coding is not the final
// encoding, the message body length cannot be determined reliably; the server MUST respond with the 400" (RFC 9112
// 6.3). A coding below a final chunked is one that we don't know: 501 (6.1).
Problem take_transfer_encoding(std::string_view value, HeadFacts& facts) noexcept {
  if (facts.has_transfer_encoding) return {"more than one Transfer-Encoding"};
  facts.has_transfer_encoding = true;
  if (equals_ignoring_case(value, "chunked")) return {};
  std::size_t chunked = 0;
  bool is_last = false;
  for (const std::string_view coding : ListElements(value)) {
    is_last = equals_ignoring_case(coding, "chunked");
    chunked += is_last ? 1 : 0;
  }
  const bool ends_in_name = !value.empty() && value.back() != ',';
  if (chunked != 1 || !is_last || !ends_in_name || value.front() == ',') return {"Transfer-Encoding is not chunked"};
  return {"unknown transfer coding", Status::not_implemented};
}

// Takes note of a connection option; false if it is none that is known.
bool take_connection_option(std::string_view option, HeadFacts& facts) noexcept {
  bool* fact = nullptr;
  switch (option.size()) {
    case 5:
      fact = detail::is_name(option.data(), "close") ? &facts.close : nullptr;
      break;
    case 7:
      fact = detail::is_name(option.data(), "upgrade") ? &facts.upgrade : nullptr;
      break;
    case 10:
      fact = detail::is_name(option.data(), "keep-alive") ? &facts.keep_alive : nullptr;
      break;
    default:
      break;
  }
  if (fact != nullptr) *fact = true;
  return fact != nullptr;
}

void take_connection(std::string_view value, HeadFacts& facts) noexcept {
  // The whole value is one option, nearly always.
  if (take_connection_option(value, facts)) return;
  for (const std::string_view option : ListElements(value)) take_connection_option(option, facts);
}

// Takes note of the fields that decide about connection and body.
struct FactTaker {
  const char* base;
  HeadFacts& facts;
  detail::ValidHost* valid_host;  // Null for a response.

  Problem take_host(std::string_view value) const noexcept {
    if (facts.has_host) return {"more than one Host"};
    if (!valid_host->admits(value)) return {"Host is invalid"};
    facts.has_host = true;
    facts.host = slice(base, value.data(), value.data() + value.size());
    return {};
  }

  // Few fields are looked at: the first letter tells most of the others.
  Problem take(std::string_view name, std::string_view value) const noexcept {
    constexpr std::uint32_t first_letters =
        1U << ('c' & 31) | 1U << ('e' & 31) | 1U << ('h' & 31) | 1U << ('t' & 31) | 1U << ('u' & 31);
    if ((first_letters >> (name.front() & 31) & 1) == 0) return {};
    return take_known(name, value);
  }

  // They are told apart by their length first. Not inlined: the loop over the lines is better without it.
  [[gnu::noinline]] Problem take_known(std::string_view name, std::string_view value) const noexcept;
};

Problem FactTaker::take_known(std::string_view name, std::string_view value) const noexcept {
  const bool is_request = valid_host != nullptr;
  switch (name.size()) {
    case 4:
      if (is_request && detail::is_name(name.data(), "host")) return take_host(value);
      break;
    case 6:
      if (is_request && detail::is_name(name.data(), "expect")) {
        facts.expects_continue = equals_ignoring_case(value, "100-continue");
        facts.expects_other = facts.expects_other || !facts.expects_continue;
      }
      break;
    case 7:
      if (detail::is_name(name.data(), "upgrade")) facts.has_upgrade = true;
      break;
    case 10:
      if (detail::is_name(name.data(), "connection")) take_connection(value, facts);
      break;
    case 14:
      if (detail::is_name(name.data(), "content-length")) return take_content_length(value, facts);
      break;
    case 17:
      if (detail::is_name(name.data(), "transfer-encoding")) return take_transfer_encoding(value, facts);
      break;
    default:
      break;
  }
  return {};
}

// How nearly every request line begins and ends.
constexpr std::string_view get_start = "GET ";
constexpr std::string_view http_1_1_line = "HTTP/1.1\r\n";

// Inlined, so that the comparison is of so many bytes and not a call.
inline bool begins_with(const char* at, const char* end, std::string_view start) noexcept {
  return static_cast<std::size_t>(end - at) >= start.size() && std::memcmp(at, start.data(), start.size()) == 0;
}

// HTTP-version = "HTTP/" DIGIT "." DIGIT, and the line's end.
enum class Version : std::uint8_t { http_1_0, http_1_1, other, malformed };

Version read_version(std::string_view text) noexcept {
  if (text.size() != 8 || text.substr(0, 5) != "HTTP/" || !detail::is_digit(text[5]) || text[6] != '.' ||
      !detail::is_digit(text[7])) {
    return Version::malformed;
  }
  if (text[5] != '1' || text[7] > '1') return Version::other;
  return text[7] == '1' ? Version::http_1_1 : Version::http_1_0;
}

}  // namespace

bool detail::ValidHost::admits(std::string_view text) noexcept {
  if (text.size() == size_ && std::memcmp(text.data(), text_.data(), size_) == 0 && size_ != 0) return true;
  if (!is_host(text)) return false;
  size_ = static_cast<std::uint8_t>(text.size() <= text_.size() ? text.size() : 0);
  text.copy(text_.data(), size_);
  return true;
}

void RequestParser::reset() noexcept {
  position_ = {};
  facts_ = {};
}

Progress RequestParser::parse(std::string_view bytes, Request& request) {
  if (position_.scanned == 0) request.clear();
  request.base_ = bytes.data();
  const std::string_view window = bytes.substr(0, limits_.max_head_bytes);
  const Progress progress = parse_lines(window, request);
  if (progress.kind == Progress::Kind::complete) return finish(request, progress.consumed);
  if (progress.kind == Progress::Kind::need_more && bytes.size() > window.size()) {
    return position_.in_fields ? error(Status::request_header_fields_too_large, "the request head is too large")
                               : error(Status::uri_too_long, "the request line is too long");
  }
  return progress;
}

Progress RequestParser::parse_lines(std::string_view bytes, Request& request) {
  const LineReader reader(bytes, position_);
  if (!reader.has_news()) return reader.wait();
  if (!position_.in_fields) {
    const Progress first_line = parse_request_line(reader, request);
    if (first_line.kind != Progress::Kind::complete) return first_line;
  }
  const FactTaker facts{bytes.data(), facts_, &valid_host_};
  return reader.read_fields(request.fields_, limits_.max_fields,
                            [&](std::string_view name, std::string_view value) { return facts.take(name, value); });
}

Progress RequestParser::parse_request_line(const LineReader& reader, Request& request) {
  const char* end = reader.end();
  // "a server [...] SHOULD ignore at least one empty line (CRLF) received prior to the request-line" (RFC 9112 2.2).
  const char* at = reader.line();
  if (*at == '\r' && position_.line == 0) {
    if (at + 1 == end) return reader.wait();
    if (at[1] != '\n') return reader.refuse("a bare CR");
    at += 2;
    reader.take_line(at);
    if (at == end) return reader.wait();
  }
  const char* method = at;
  if (begins_with(at, end, get_start)) {
    request.head_.method = Method::get;
    at += get_start.size() - 1;
  } else {
    at = detail::skip_token(reader.base(), method, end);
    if (at == end) return reader.wait();
    request.head_.method = method_from({method, static_cast<std::size_t>(at - method)});
  }
  // Not for the line's end to come: whoever speaks another protocol may never send one.
  if (at == method) return error(Status::bad_request, "the request begins with no method");
  if (*at != ' ') return reader.refuse("the request line is malformed");
  const char* target = at + 1;
  const char* target_end = detail::skip_plain_path(reader.base(), target, end);
  const bool is_plain = target_end != end && *target_end == ' ';
  if (!is_plain) target_end = detail::skip_visible(reader.base(), target_end, end);
  if (target_end == end) return reader.wait();
  if (*target_end != ' ' || target_end == target) return reader.refuse("the request line is malformed");
  const char* version = target_end + 1;
  const char* next_line = nullptr;
  if (begins_with(version, end, http_1_1_line)) {
    request.head_.minor_version = 1;
    next_line = version + http_1_1_line.size();
  } else {
    const char* line_end = detail::find_control(reader.base(), version, end);
    if (!detail::is_line_end(line_end, end)) return reader.refuse("the request line is malformed");
    const Version read = read_version({version, static_cast<std::size_t>(line_end - version)});
    if (read == Version::malformed) return error(Status::bad_request, "the request line is malformed");
    if (read == Version::other) return error(Status::http_version_not_supported, "the HTTP version is not 1.1 or 1.0");
    request.head_.minor_version = read == Version::http_1_1 ? 1 : 0;
    next_line = line_end + 2;
  }
  request.head_.method_text = slice(reader.base(), method, at);
  request.head_.target = slice(reader.base(), target, target_end);
  reader.take_line(next_line);
  position_.in_fields = true;
  return take_target(request, is_plain);
}

// `is_plain`: the target is of plain_path_characters alone.
Progress RequestParser::take_target(Request& request, bool is_plain) const {
  Request::Head& head = request.head_;
  if (head.target.size > limits_.max_target_bytes) return error(Status::uri_too_long, "the request target is too long");
  const std::string_view text = request.target();
  if (is_plain && text.front() == '/' && head.method != Method::connect) {
    // An origin form that is all path, in which parse_target() would find nothing to refuse.
    head.path = head.target;
    return complete(0);
  }
  Target target;
  if (const char* problem = parse_target(text, head.method, target)) return error(Status::bad_request, problem);
  const auto in_head = [&](Slice slice) -> Slice { return {head.target.offset + slice.offset, slice.size}; };
  head.target_form = target.form;
  head.path = in_head(target.path);
  head.query = in_head(target.query);
  head.host = in_head(target.authority);
  return complete(0);
}

Progress RequestParser::finish(Request& request, std::size_t consumed) {
  Request::Head& head = request.head_;
  const bool is_1_1 = head.minor_version == 1;
  // "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that lacks a Host
  // header field" (RFC 9112 3.2).
  if (is_1_1 && !facts_.has_host) return error(Status::bad_request, "HTTP/1.1 without Host");
  // "If a message is received with both a Transfer-Encoding and a Content-Length header field [...] the server MAY
  // reject it" (RFC 9112 6.3); and 6.1 has "treat the message as if the framing is faulty" for HTTP/1.0.
  if (facts_.has_transfer_encoding && facts_.has_content_length) {
    return error(Status::bad_request, "both Transfer-Encoding and Content-Length");
  }
  if (facts_.has_transfer_encoding && !is_1_1) return error(Status::bad_request, "Transfer-Encoding in HTTP/1.0");
  if (facts_.has_transfer_encoding) head.framing.kind = Framing::Kind::chunked;
  if (facts_.has_content_length) head.framing = {Framing::Kind::length, facts_.content_length};

  if (head.target_form == TargetForm::absolute) {
    // "the origin server MUST ignore the received Host header field (if any) and instead replace it with the host
    // information of the request-target" (RFC 9112 3.2.2).
    for (FieldSlices& field : request.fields_) {
      if (equals_ignoring_case(field.name.of(request.base_), "host")) field.value = head.host;
    }
  } else if (facts_.has_host) {
    head.host = facts_.host;
  }
  head.keep_alive = !facts_.close && (is_1_1 || facts_.keep_alive);
  head.wants_upgrade = is_1_1 && facts_.upgrade && facts_.has_upgrade;
  // "A server that receives a 100-continue expectation in an HTTP/1.0 request MUST ignore that expectation", and any
  // other "MAY respond with a 417" (RFC 9110 10.1.1).
  if (is_1_1 && facts_.expects_other)
    return error(Status::expectation_failed, "an expectation other than 100-continue");
  head.expects_continue = is_1_1 && facts_.expects_continue && !head.framing.is_empty();
  head.size = static_cast<std::uint32_t>(consumed);
  reset();
  return complete(consumed);
}

void ResponseMessage::clear() noexcept {
  base_ = "";
  head_ = {};
  fields_.clear();
}

void ResponseParser::reset() noexcept {
  position_ = {};
  facts_ = {};
}

Progress ResponseParser::parse(std::string_view bytes, Method to, ResponseMessage& response) {
  if (position_.scanned == 0) response.clear();
  response.base_ = bytes.data();
  const std::string_view window = bytes.substr(0, limits_.max_head_bytes);
  Progress progress = parse_lines(window, response);
  if (progress.kind == Progress::Kind::complete) progress = finish(response, to, progress.consumed);
  if (progress.kind == Progress::Kind::need_more && bytes.size() > window.size()) {
    progress = error(Status::bad_gateway, "the response head is too large");
  }
  if (progress.kind == Progress::Kind::error) progress.status = Status::bad_gateway;
  return progress;
}

Progress ResponseParser::parse_lines(std::string_view bytes, ResponseMessage& response) {
  const LineReader reader(bytes, position_);
  if (!reader.has_news()) return reader.wait();
  if (!position_.in_fields) {
    const Progress first_line = parse_status_line(reader, response);
    if (first_line.kind != Progress::Kind::complete) return first_line;
  }
  const FactTaker facts{bytes.data(), facts_, nullptr};
  return reader.read_fields(response.fields_, limits_.max_fields,
                            [&](std::string_view name, std::string_view value) { return facts.take(name, value); });
}

// status-line = HTTP-version SP status-code SP [ reason-phrase ] (RFC 9112 4); the second space may be missing, since
// many servers that send no phrase leave it away.
Progress ResponseParser::parse_status_line(const LineReader& reader, ResponseMessage& response) {
  constexpr const char* malformed = "the status line is malformed";
  if (*reader.line() != 'H') return error(Status::bad_gateway, "the response is not HTTP/1");
  detail::ControlMarks controls(reader.line(), reader.end());
  const char* line_end = controls.next();
  while (line_end != reader.end() && *line_end == '\t') line_end = controls.next();
  if (!detail::is_line_end(line_end, reader.end())) return reader.refuse(malformed);

  const std::string_view line(reader.line(), static_cast<std::size_t>(line_end - reader.line()));
  const Version version = read_version(line.substr(0, 8));
  if (version == Version::malformed) return error(Status::bad_gateway, malformed);
  if (version == Version::other) return error(Status::bad_gateway, "the HTTP version is not 1.1 or 1.0");
  if (line.size() < 12 || line[8] != ' ' || (line.size() > 12 && line[12] != ' ')) {
    return error(Status::bad_gateway, malformed);
  }
  unsigned code = 0;
  for (const char c : line.substr(9, 3)) {
    if (!detail::is_digit(c)) return error(Status::bad_gateway, malformed);
    code = code * 10 + static_cast<unsigned>(c - '0');
  }
  if (code < 100) return error(Status::bad_gateway, malformed);
  response.head_.minor_version = version == Version::http_1_1 ? 1 : 0;
  response.head_.status = static_cast<Status>(code);
  const char* reason = line.data() + std::min<std::size_t>(line.size(), 13);
  response.head_.reason = slice(reader.base(), reason, line_end);
  reader.take_line(line_end + 2);
  position_.in_fields = true;
  return complete(0);
}

Progress ResponseParser::finish(ResponseMessage& response, Method to, std::size_t consumed) {
  ResponseMessage::Head& head = response.head_;
  const bool is_1_1 = head.minor_version == 1;
  if (facts_.has_transfer_encoding && facts_.has_content_length) {
    return error(Status::bad_gateway, "both Transfer-Encoding and Content-Length");
  }
  if (facts_.has_transfer_encoding && !is_1_1) return error(Status::bad_gateway, "Transfer-Encoding in HTTP/1.0");
  // The order of RFC 9112 6.3.
  const bool is_tunnel = to == Method::connect && code_of(head.status) / 100 == 2;
  if (to == Method::head || !may_have_content(head.status) || is_tunnel) {
    head.framing.kind = Framing::Kind::none;
  } else if (facts_.has_transfer_encoding) {
    head.framing.kind = Framing::Kind::chunked;
  } else if (facts_.has_content_length) {
    head.framing = {Framing::Kind::length, facts_.content_length};
  } else {
    head.framing.kind = Framing::Kind::until_close;
  }
  head.keep_alive =
      !facts_.close && (is_1_1 || facts_.keep_alive) && head.framing.kind != Framing::Kind::until_close && !is_tunnel;
  head.has_upgrade = facts_.upgrade && facts_.has_upgrade;
  reset();
  return complete(consumed);
}

}  // namespace tidewire::http
