#pragma once

#include <tidewire/core/result.h>
#include <tidewire/transport/stream.h>

namespace tidewire::transport {

/// A stream over a connected, non-blocking TCP or Unix socket, which it takes over: also when it fails, the
/// descriptor is then closed. Throws std::bad_alloc, and has closed it too.
Result<StreamPtr> adopt_socket(Loop& loop, int descriptor, bool is_unix);

}  // namespace tidewire::transport
