#ifdef __linux__
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <sys/ioctl.h>
#endif
#include <netinet/in.h>

#include <tidewire/transport/socket_calls.h>
#include <cerrno>
#include <cstddef>

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

ssize_t receive_piece(int socket, MutableBytes space) noexcept {
  for (;;) {
    const ssize_t received = ::recv(socket, space.data(), space.size(), 0);
    if (received >= 0) return received;
    if (errno != EINTR) return -errno;
  }
}

ssize_t receive_local(int socket, MutableBytes space, bool& more) noexcept {
  iovec piece{.iov_base = space.data(), .iov_len = space.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  for (;;) {
    const ssize_t received = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    // Something came beside the bytes for which there was no room.
    more = received > 0 && (message.msg_flags & MSG_CTRUNC) != 0;
    if (received >= 0) return received;
    if (errno != EINTR) return -errno;
  }
}

int pending_error(int socket) noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

bool is_local(int socket) noexcept {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  return ::getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &size) == 0 && storage.ss_family == AF_UNIX;
}

void reset_on_close(int socket) noexcept {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

#ifdef __linux__

std::optional<std::uint64_t> acknowledged_bytes(int socket) noexcept {
  tcp_info info{};
  socklen_t size = sizeof info;
  constexpr std::size_t needed = offsetof(tcp_info, tcpi_bytes_acked) + sizeof info.tcpi_bytes_acked;
  if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || size < needed) return std::nullopt;
  return info.tcpi_bytes_acked;
}

int unacknowledged_bytes(int socket) noexcept {
  int bytes = 0;
  return ::ioctl(socket, SIOCOUTQ, &bytes) == 0 ? bytes : 1;
}

void bound_delivery(int socket, std::chrono::milliseconds time) noexcept {
  const auto milliseconds = static_cast<unsigned>(time.count());
  ::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
}

#else

std::optional<std::uint64_t> acknowledged_bytes(int) noexcept { return std::nullopt; }
int unacknowledged_bytes(int) noexcept { return 1; }
void bound_delivery(int, std::chrono::milliseconds) noexcept {}

#endif

Address local_address_of(int socket) { return address_by(::getsockname, socket); }
Address peer_address_of(int socket) { return address_by(::getpeername, socket); }

}  // namespace tidewire::transport
