#pragma once

#include <tidewire/transport/descriptor.h>
#include <tidewire/transport/stream.h>

namespace tidewire::transport {

/// A stream over a connected TCP or Unix socket that does not block. Throws std::bad_alloc.
StreamPtr adopt_socket(Loop& loop, Descriptor socket);
/// The same, where it is known whether it is a Unix socket (`local`): saves a system call.
StreamPtr adopt_socket(Loop& loop, Descriptor socket, bool local);

}  // namespace tidewire::transport
