#include <tidewire/transport/socket_calls.h>
#include <cerrno>

namespace tidewire::transport {
namespace {

Address address_by(int (*query)(int, sockaddr*, socklen_t*), int socket) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* generic = reinterpret_cast<sockaddr*>(&storage);
  if (query(socket, generic, &size) != 0) return {};
  return Address::from(generic, size);
}

}  // namespace

ssize_t send_pieces(int socket, iovec* pieces, std::size_t count, int flags) noexcept {
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = count;
  for (;;) {
    const ssize_t sent = ::sendmsg(socket, &message, flags | MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    if (errno == EAGAIN) return 0;
    if (errno != EINTR) return -errno;
  }
}

ssize_t send_piece(int socket, Bytes bytes, int flags) noexcept {
  for (;;) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), flags | MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    if (errno == EAGAIN) return 0;
    if (errno != EINTR) return -errno;
  }
}

Address local_address_of(int socket) { return address_by(::getsockname, socket); }
Address peer_address_of(int socket) { return address_by(::getpeername, socket); }

}  // namespace tidewire::transport
