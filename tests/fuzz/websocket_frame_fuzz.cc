#include <tidewire/websocket/frame.h>
#include <cstdint>
#include <cstdlib>

using namespace tidewire;
using namespace tidewire::websocket;

namespace {

using Status = HeaderParse::Status;

void check(Bytes input, FrameRules rules) {
  const HeaderParse whole = parse_header(input, rules);
  // Every beginning asks for more, until one says what the whole says.
  for (std::size_t size = 0; size <= input.size(); ++size) {
    const HeaderParse part = parse_header(input.first(size), rules);
    if (part.status == Status::need_more) {
      if (size >= max_header_bytes) std::abort();
      continue;
    }
    if (part.status != whole.status || part.detail != whole.detail) std::abort();
    break;
  }
  if (whole.status != Status::complete) return;
  if (whole.header_bytes > input.size()) std::abort();
  // There is one spelling of a header.
  std::byte again[max_header_bytes];
  const std::size_t size = encode_header(whole.header, again);
  if (as_text({again, size}) != as_text(input.first(whole.header_bytes))) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(reinterpret_cast<const std::byte*>(data), size);
  for (const Role receiver : {Role::server, Role::client}) {
    for (const bool allow_rsv1 : {false, true}) check(input, {.receiver = receiver, .allow_rsv1 = allow_rsv1});
  }
  return 0;
}
