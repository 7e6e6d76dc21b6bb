#include <tidewire/core/base64.h>
#include <cstdint>
#include <cstdlib>
#include <string>

using namespace tidewire;

// What decodes encodes to the same text again, so each value has one spelling; and all bytes survive both ways.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes(reinterpret_cast<const std::byte*>(data), size);
  if (const auto decoded = decode_base64(as_text(bytes))) {
    std::string again;
    append_base64(again, *decoded);
    if (again != as_text(bytes)) std::abort();
  }
  std::string encoded;
  append_base64(encoded, bytes);
  const auto decoded = decode_base64(encoded);
  if (!decoded || as_text(*decoded) != as_text(bytes)) std::abort();
  return 0;
}
