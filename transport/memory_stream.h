#pragma once

#include <tidewire/core/export.h>
#include <tidewire/transport/stream.h>
#include <cstddef>
#include <utility>

namespace tidewire::transport {

/// How a memory stream misbehaves, as networks do.
struct MemoryStreamOptions {
  /// How much is under way to the other end before writes have to wait, like a socket's buffers.
  std::size_t capacity_bytes = 64 * 1024;
  /// No more than this is delivered at once.
  std::size_t chunk_bytes = 64 * 1024;
  /// After this many bytes have been written, the connection is reset.
  std::size_t reset_after_bytes = SIZE_MAX;
};

/// Two streams, connected in memory: what is written to one is read from the other, in a later turn of the
/// loop. For tests: everything that holds for a socket holds for them.
[[nodiscard]] TIDEWIRE_API std::pair<StreamPtr, StreamPtr> memory_pair(Loop& loop, MemoryStreamOptions options = {});

}  // namespace tidewire::transport
