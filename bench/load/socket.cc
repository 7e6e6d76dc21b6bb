#include <sys/socket.h>
#include <tidewire/bench/socket.h>
#include <unistd.h>
#include <cerrno>
#include <utility>

namespace tidewire::bench {

Descriptor::Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

Result<std::size_t> send_to(int socket, std::string_view bytes) {
  const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (errno == EAGAIN) return std::size_t{0};
  return Error::system(-errno, "send");
}

Result<Received> receive_from(int socket, std::span<char> buffer) {
  const ssize_t received = ::recv(socket, buffer.data(), buffer.size(), 0);
  if (received < 0 && errno != EAGAIN) return Error::system(-errno, "receive");
  Received what;
  what.nothing = received < 0;
  what.ended = received == 0;
  if (received > 0) what.bytes = static_cast<std::size_t>(received);
  what.all = what.bytes < buffer.size();
  return what;
}

}  // namespace tidewire::bench
