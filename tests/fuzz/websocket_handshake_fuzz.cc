#include <tidewire/websocket/extensions.h>
#include <tidewire/websocket/handshake.h>
#include <tidewire/websocket/origin.h>
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

using namespace tidewire;
using namespace tidewire::websocket;

namespace {

// The fields of a head, one "Name: value" a line; what is not that is left out.
std::vector<http::FieldSlices> fields_of(std::string_view text) {
  std::vector<http::FieldSlices> fields;
  const auto slice = [](std::size_t from, std::size_t to) {
    return http::Slice{static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to - from)};
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::size_t colon = text.find(": ", at);
    if (colon < end) fields.push_back({slice(at, colon), slice(colon + 2, end)});
    at = end + 1;
  }
  return fields;
}

// What was parsed keeps to the bounds, and means the same when it is written and parsed again.
void check_extensions(const std::vector<Extension>& extensions) {
  if (extensions.size() > max_extensions) std::abort();
  std::vector<Extension> again;
  const std::string line = format_extensions(extensions);
  if (!parse_extensions(line, again) || format_extensions(again) != line) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto slices = fields_of(text);
  const http::Fields fields(text.data(), slices);

  const auto judged = judge_request({"GET", true, fields});
  if (const auto* offer = std::get_if<HandshakeOffer>(&judged)) {
    if (offer->accept.size() != 28 || offer->subprotocols.size() > max_subprotocols) std::abort();
    for (const std::string_view name : offer->subprotocols) {
      if (!http::is_token(name)) std::abort();
    }
    check_extensions(offer->extensions);
    if (!asks_for_websocket(fields)) std::abort();
  } else if (http::code_of(std::get<HandshakeRefusal>(judged).status) < 400) {
    std::abort();
  }

  const HandshakeExpectation expected{
      .key = "dGhlIHNhbXBsZSBub25jZQ==", .subprotocols = {"chat"}, .extensions = {"permessage-deflate"}};
  const auto answer = judge_answer(http::Status::switching_protocols, fields, expected);
  if (answer && !answer->subprotocol.empty() && answer->subprotocol != "chat") std::abort();

  std::vector<Extension> extensions;
  if (parse_extensions(text, extensions)) check_extensions(extensions);

  // Same origin means that the host is at the end of the origin, with or without a port.
  const std::string_view host = text.substr(0, std::min<std::size_t>(text.find('\n'), text.size()));
  const std::string_view origin = text.substr(std::min(host.size() + 1, text.size()));
  const std::vector<std::string> none;
  if (origin_allowed(origin, host, none)) {
    const std::string_view name = host.substr(0, host.rfind(':') == 0 ? 0 : std::min(host.rfind(':'), host.size()));
    if (name.empty() || origin.size() < name.size()) std::abort();
  }
  (void)origin_allowed(fields, none);
  return 0;
}
