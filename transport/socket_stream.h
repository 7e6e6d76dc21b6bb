#pragma once

#include <tidewire/transport/descriptor.h>
#include <tidewire/transport/stream.h>

namespace tidewire::transport {

/// A stream over a connected TCP or Unix socket that does not block. Throws std::bad_alloc.
StreamPtr adopt_socket(Loop& loop, Descriptor socket);

}  // namespace tidewire::transport
