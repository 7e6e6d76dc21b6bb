#include <tidewire/http/body.h>
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

// A body that comes whole, byte by byte, or in pieces, each in memory of its own, has the same content, trailers and
// end, or the same error. The first byte chooses framing and limits.

using namespace tidewire;
using namespace tidewire::http;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

std::string outcome(std::string_view input, Framing framing, const BodyLimits& limits, std::size_t step) {
  BodyDecoder decoder(framing, limits);
  std::string content;
  std::string end = "more";
  for (std::size_t at = 0; end == "more" && at <= input.size(); at += step) {
    std::string_view piece = input.substr(at, step);
    const auto bytes = std::make_unique<char[]>(piece.size());
    piece.copy(bytes.get(), piece.size());
    piece = {bytes.get(), piece.size()};
    for (bool more = true; more;) {
      const BodyEvent event = decoder.next(as_bytes(piece));
      require(event.consumed <= piece.size());
      piece.remove_prefix(event.consumed);
      more = event.kind == BodyEvent::Kind::data;
      require(more == !event.data.empty());
      content += as_text(event.data);
      if (event.kind == BodyEvent::Kind::need_more) require(piece.empty());
      if (event.kind == BodyEvent::Kind::error) {
        end = "error " + std::to_string(code_of(event.status)) + " " + event.detail;
      }
      if (event.kind == BodyEvent::Kind::done) {
        end = "done " + std::to_string(std::min(at + step, input.size()) - piece.size());
      }
    }
  }
  require(content.size() == decoder.received_bytes());
  require(content.size() <= limits.max_body_bytes);
  if (end.front() == 'd') {
    for (const Field field : decoder.trailers()) {
      require(is_token(field.name) && is_field_value(field.value));
      end.append("\n").append(field.name).append("=").append(field.value);
    }
  }
  return content + "\n" + end;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned choice = data[0];
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, std::min<std::size_t>(size - 1, 4096));
  Framing framing{Framing::Kind::chunked, 0};
  if (choice % 8 == 0) framing = {Framing::Kind::length, choice / 8};
  if (choice % 8 == 1) framing = {Framing::Kind::until_close, 0};
  BodyLimits limits;
  if (choice >= 128) {
    limits.max_body_bytes = 20;
    limits.max_chunk_line_bytes = 24;
    limits.max_extension_bytes = 30;
    limits.max_trailer_bytes = 40;
    limits.max_trailer_fields = 2;
  }
  const std::string whole = outcome(input, framing, limits, input.size() + 1);
  for (const std::size_t step : {1U, 2U, 3U, 7U}) require(outcome(input, framing, limits, step) == whole);
  return 0;
}
