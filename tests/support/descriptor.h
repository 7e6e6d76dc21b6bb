#pragma once

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <tidewire/transport/address.h>
#include <string_view>
#include <utility>

namespace tidewire::testing {

/// A socket of the operating system's, to be a peer without a loop.
class Descriptor {
 public:
  Descriptor() noexcept = default;
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    reset();
    number_ = std::exchange(other.number_, -1);
    return *this;
  }
  ~Descriptor() { reset(); }

  [[nodiscard]] int get() const noexcept { return number_; }
  int release() noexcept { return std::exchange(number_, -1); }
  void reset() noexcept {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }
  /// Closes a TCP socket with a reset in place of a FIN.
  void break_off() noexcept;
  /// Sends all of a text that fits the socket's buffer.
  void send(std::string_view text) const;

 private:
  int number_ = -1;
};

/// Connects, not waiting for anyone to accept.
Descriptor connect_to(const transport::Address& address);

/// A TCP connection of this machine with itself, both ends non-blocking, and without Nagle's delays.
std::pair<Descriptor, Descriptor> tcp_sockets();

}  // namespace tidewire::testing
