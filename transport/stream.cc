#include <tidewire/transport/stream.h>
#include <cassert>

namespace tidewire::transport {

void Consumer::on_filled(std::size_t) { assert(false && "a consumer that offers receive space takes what fills it"); }

bool Stream::try_encrypt(const KernelKeys&) noexcept { return false; }

bool Stream::try_write_record(std::uint8_t, Bytes, const KernelKeys*) noexcept {
  assert(false && "only a stream that has taken keys is given records");
  return true;
}

}  // namespace tidewire::transport
