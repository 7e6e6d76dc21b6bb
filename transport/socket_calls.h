#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <tidewire/core/bytes.h>
#include <tidewire/transport/address.h>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

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

/// Reads what there is, up to the size of `space`: how much it was, 0 at the end, or a negative error number
/// (-EAGAIN when there is nothing now).
[[nodiscard]] ssize_t receive_piece(int socket, MutableBytes space) noexcept;
/// The same from a Unix socket. A read there stops after bytes with which the peer sent descriptors, though others
/// follow; `more` says so. The descriptors are closed by the kernel, as no room for them is offered.
[[nodiscard]] ssize_t receive_local(int socket, MutableBytes space, bool& more) noexcept;

/// The error that a socket has and that was not reported by a call yet, as a positive number; 0: none.
[[nodiscard]] int pending_error(int socket) noexcept;

/// How many bytes the peer's system has acknowledged; nothing where that is not known.
[[nodiscard]] std::optional<std::uint64_t> acknowledged_bytes(int socket) noexcept;
/// How many bytes the system holds that the peer's has not acknowledged (Linux; elsewhere at least 1: there may be
/// some).
[[nodiscard]] int unacknowledged_bytes(int socket) noexcept;
/// Has closing the socket drop what the system holds, and reset the connection.
void reset_on_close(int socket) noexcept;
/// Has the system drop what it holds after the socket was closed when the peer has taken none of it for so long.
void bound_delivery(int socket, std::chrono::milliseconds time) noexcept;
/// Whether a socket is a Unix socket.
[[nodiscard]] bool is_local(int socket) noexcept;

/// The addresses of the two ends; empty when the system does not know any more.
[[nodiscard]] Address local_address_of(int socket);
[[nodiscard]] Address peer_address_of(int socket);

}  // namespace tidewire::transport
