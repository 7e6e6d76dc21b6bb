#include <tidewire/websocket/utf8.h>
#include <cstdint>
#include <cstdlib>

using namespace tidewire;
using namespace tidewire::websocket;

namespace {

// RFC 3629 section 4 by decoding, the slow and plain way.
bool is_utf8_plainly(Bytes text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto lead = std::to_integer<std::uint32_t>(text[at++]);
    if (lead < 0x80) continue;
    const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    if (lead < 0xC0 || lead >= 0xF8) return false;
    std::uint32_t point = lead & (0x3FU >> more);
    for (int i = 0; i < more; ++i, ++at) {
      if (at == text.size()) return false;
      const auto byte = std::to_integer<std::uint32_t>(text[at]);
      if ((byte & 0xC0) != 0x80) return false;
      point = point << 6 | (byte & 0x3F);
    }
    constexpr std::uint32_t smallest[4] = {0, 0x80, 0x800, 0x10000};
    if (point < smallest[more] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return false;
  }
  return true;
}

}  // namespace

// All at once, byte by byte and in two pieces agree with the plain way.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes text(reinterpret_cast<const std::byte*>(data), size);
  const bool good = is_utf8_plainly(text);
  if (is_utf8(text) != good) std::abort();

  Utf8 bytewise;
  bool taken = true;
  for (std::size_t at = 0; taken && at < size; ++at) taken = bytewise.feed(text.subspan(at, 1));
  if ((taken && bytewise.complete()) != good) std::abort();

  const std::size_t cut = size == 0 ? 0 : data[0] % (size + 1);
  Utf8 in_two;
  const bool both = in_two.feed(text.first(cut)) && in_two.feed(text.subspan(cut));
  if (both != taken || (both && in_two.complete()) != good) std::abort();

  if (good && !is_utf8(as_bytes(truncate_utf8(as_text(text), cut)))) std::abort();
  return 0;
}
