#include <tidewire/http/body.h>
#include <tidewire/http/characters_internal.h>
#include <tidewire/http/chunk_extensions.h>
#include <tidewire/http/line_reader_internal.h>
#include <algorithm>
#include <array>

namespace tidewire::http {
namespace {

constexpr std::uint8_t max_size_digits = 16;

// "A sender MUST NOT generate trailer fields for [...] message framing [...], routing [...], request modifiers [...],
// authentication [...], response control data [...], or determining how to process the content" (RFC 9110 6.5.1).
constexpr std::array<std::string_view, 28> not_in_trailers = {
    "age",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "expect",
    "expires",
    "host",
    "keep-alive",
    "location",
    "max-forwards",
    "pragma",
    "proxy-authenticate",
    "proxy-authorization",
    "range",
    "retry-after",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
    "www-authenticate",
};

bool is_allowed_in_trailers(std::string_view name) noexcept {
  const auto is_name = [&](std::string_view other) { return equals_ignoring_case(other, name); };
  const bool is_condition = equals_ignoring_case(name.substr(0, 3), "if-");
  return !is_condition && std::none_of(not_in_trailers.begin(), not_in_trailers.end(), is_name);
}

BodyEvent need_more(std::size_t consumed) noexcept {
  BodyEvent event;
  event.consumed = consumed;
  return event;
}

}  // namespace

BodyDecoder::BodyDecoder(Framing framing, const BodyLimits& limits) { start(framing, limits); }

void BodyDecoder::start(Framing framing, const BodyLimits& limits) {
  limits_ = limits;
  digits_ = 0;
  remaining_ = 0;
  received_ = 0;
  chunk_line_bytes_ = 0;
  extension_bytes_ = 0;
  trailer_line_ = 0;
  trailer_text_.clear();
  trailers_.clear();
  switch (framing.kind) {
    case Framing::Kind::none:
      state_ = State::done;
      break;
    case Framing::Kind::length:
      state_ = framing.length == 0 ? State::done : State::length;
      remaining_ = framing.length;
      break;
    case Framing::Kind::chunked:
      state_ = State::chunk_size;
      break;
    case Framing::Kind::until_close:
      state_ = State::until_close;
      break;
  }
}

BodyEvent BodyDecoder::next(Bytes input) {
  switch (state_) {
    case State::done:
      return finished(0);
    case State::failed:
      return fail({"the body is broken"}, 0);
    case State::length:
      if (remaining_ > limits_.max_body_bytes - received_) {
        return fail({"the body is too large", Status::content_too_large}, 0);
      }
      return take_content(input, 0);
    case State::until_close:
      remaining_ = limits_.max_body_bytes - received_;
      if (remaining_ == 0 && !input.empty()) return fail({"the body is too large", Status::content_too_large}, 0);
      return take_content(input, 0);
    default:
      return next_chunked(input);
  }
}

bool BodyDecoder::finish() noexcept {
  if (state_ == State::until_close) state_ = State::done;
  return state_ == State::done;
}

BodyEvent BodyDecoder::fail(Problem problem, std::size_t consumed) noexcept {
  state_ = State::failed;
  return {BodyEvent::Kind::error, problem.status, consumed, {}, problem.detail};
}

BodyEvent BodyDecoder::finished(std::size_t consumed) noexcept {
  state_ = State::done;
  return {BodyEvent::Kind::done, {}, consumed, {}, ""};
}

BodyEvent BodyDecoder::take_content(Bytes input, std::size_t offset) noexcept {
  const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input.size() - offset));
  if (size == 0) return need_more(offset);
  remaining_ -= size;
  received_ += size;
  if (remaining_ == 0 && state_ == State::length) state_ = State::done;
  if (remaining_ == 0 && state_ == State::chunk_data) state_ = State::chunk_data_cr;
  return {BodyEvent::Kind::data, {}, offset + size, input.subspan(offset, size), ""};
}

BodyEvent BodyDecoder::next_chunked(Bytes input) {
  const std::string_view text = as_text(input);
  for (std::size_t at = 0; at < text.size();) {
    if (state_ == State::chunk_data) return take_content(input, at);
    if (state_ == State::trailers) return take_trailers(text, at);
    const Problem problem = take_framing_byte(text[at]);
    if (problem.detail != nullptr) return fail(problem, at);
    ++at;
  }
  return need_more(text.size());
}

BodyDecoder::Problem BodyDecoder::take_framing_byte(char c) noexcept {
  switch (state_) {
    case State::chunk_size:
      return take_size_byte(c);
    case State::chunk_extensions:
      return take_extension_byte(c);
    case State::chunk_line_lf:
      return c == '\n' ? end_chunk_line() : Problem{"a bare CR behind a chunk size"};
    case State::chunk_data_cr:
      state_ = State::chunk_data_lf;
      return c == '\r' ? Problem{} : Problem{"a chunk is longer than its size"};
    case State::chunk_data_lf:
      state_ = State::chunk_size;
      return c == '\n' ? Problem{} : Problem{"a chunk is longer than its size"};
    default:
      return {"the body is broken"};
  }
}

// chunk-size = 1*HEXDIG. 16 digits fit 64 bits; leading zeros count, or else they were endless.
BodyDecoder::Problem BodyDecoder::take_size_byte(char c) noexcept {
  ++chunk_line_bytes_;
  if (const int digit = detail::hex_value(c); digit >= 0) {
    if (digits_ == max_size_digits) return {"a chunk size of more than 16 digits"};
    ++digits_;
    remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(digit);
    return {};
  }
  if (digits_ == 0) return {"a chunk size that is not a hexadecimal number"};
  if (c == '\r') {
    state_ = State::chunk_line_lf;
    return {};
  }
  extension_state_ = advance(ChunkExtensionState::before_semicolon, c);
  if (extension_state_ == ChunkExtensionState::malformed) return {"a chunk size that is not a hexadecimal number"};
  state_ = State::chunk_extensions;
  return {};
}

// "A recipient MUST ignore unrecognized chunk extensions" and "ought to limit the total length of chunk extensions"
// (RFC 9112 7.1.1).
BodyDecoder::Problem BodyDecoder::take_extension_byte(char c) noexcept {
  // The CRLF has its place in the line's limit.
  if (++chunk_line_bytes_ + 1 > limits_.max_chunk_line_bytes) return {"a chunk extension is too long"};
  if (c == '\r' && may_end(extension_state_)) {
    state_ = State::chunk_line_lf;
    return {};
  }
  if (++extension_bytes_ > limits_.max_extension_bytes) return {"the chunk extensions are too long"};
  extension_state_ = advance(extension_state_, c);
  if (extension_state_ == ChunkExtensionState::malformed) return {"a malformed chunk extension"};
  return {};
}

BodyDecoder::Problem BodyDecoder::end_chunk_line() noexcept {
  digits_ = 0;
  chunk_line_bytes_ = 0;
  if (remaining_ > limits_.max_body_bytes - received_) return {"the body is too large", Status::content_too_large};
  state_ = remaining_ == 0 ? State::trailers : State::chunk_data;
  return {};
}

// A trailer section is kept as it comes, and read a line at a time. As in a head, a line that ends beyond the limit is
// too large whatever else is wrong with it.
BodyEvent BodyDecoder::take_trailers(std::string_view input, std::size_t offset) {
  while (offset < input.size()) {
    const std::size_t line_feed = input.find('\n', offset);
    const std::size_t end = line_feed == std::string_view::npos ? input.size() : line_feed + 1;
    if (end - offset > limits_.max_trailer_bytes - trailer_text_.size()) {
      return fail({"the trailer section is too large", Status::request_header_fields_too_large}, offset);
    }
    trailer_text_.append(input.substr(offset, end - offset));
    offset = end;
    if (line_feed == std::string_view::npos) break;

    detail::HeadPosition position{trailer_line_, trailer_line_, true};
    detail::LineReader reader(trailer_text_, position);
    const Progress progress =
        reader.read_fields(trailers_, limits_.max_trailer_fields, [](std::string_view name, std::string_view) {
          return is_allowed_in_trailers(name) ? detail::Problem{}
                                              : detail::Problem{"a trailer field that belongs in the head"};
        });
    if (progress.kind == Progress::Kind::error) return fail({progress.detail, progress.status}, offset);
    if (progress.kind == Progress::Kind::complete) return finished(offset);
    trailer_line_ = position.line;
  }
  return need_more(offset);
}

}  // namespace tidewire::http
