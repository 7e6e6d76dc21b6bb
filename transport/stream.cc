#include <tidewire/transport/stream.h>
#include <cassert>

namespace tidewire::transport {

void Consumer::on_filled(std::size_t) { assert(false && "a consumer that offers receive space takes what fills it"); }

}  // namespace tidewire::transport
