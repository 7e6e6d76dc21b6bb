#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <tidewire/core/bytes.h>
#include <tidewire/transport/address.h>
#include <cstddef>

/// The system calls of a connected socket that does not block, with one way of saying what came of them.
namespace tidewire::transport {

/// Bytes as the system wants pieces named.
[[nodiscard]] inline iovec as_iovec(Bytes bytes) noexcept {
  // iovec serves reading too, so it has no const; the system does not change what it writes.
  return {.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
}

/// What the system took, or a negative error number; 0 when it takes nothing now. `flags`: MSG_MORE or nothing.
[[nodiscard]] ssize_t send_pieces(int socket, iovec* pieces, std::size_t count, int flags = 0) noexcept;
/// The same for one piece: the common case, and the cheaper call.
[[nodiscard]] ssize_t send_piece(int socket, Bytes bytes, int flags = 0) noexcept;

/// The addresses of the two ends; empty when the system does not know any more.
[[nodiscard]] Address local_address_of(int socket);
[[nodiscard]] Address peer_address_of(int socket);

}  // namespace tidewire::transport
