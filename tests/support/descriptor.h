#pragma once

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <doctest/doctest.h>
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
  void break_off() noexcept {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(number_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    reset();
  }
  /// Sends all of a text that fits the socket's buffer.
  void send(std::string_view text) const {
    REQUIRE(::send(number_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
  }

 private:
  int number_ = -1;
};

/// Connects, not waiting for anyone to accept.
inline Descriptor connect_to(const transport::Address& address) {
  Descriptor made(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(made.get() >= 0);
  REQUIRE(::connect(made.get(), address.data(), address.size()) == 0);
  return made;
}

/// A TCP connection of this machine with itself, both ends non-blocking.
inline std::pair<Descriptor, Descriptor> tcp_sockets() {
  const Descriptor listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto any_port = transport::Address::parse("127.0.0.1:0").value();
  REQUIRE(::bind(listening.get(), any_port.data(), any_port.size()) == 0);
  REQUIRE(::listen(listening.get(), 1) == 0);
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  REQUIRE(::getsockname(listening.get(), reinterpret_cast<sockaddr*>(&storage), &size) == 0);
  const auto bound = transport::Address::from(reinterpret_cast<sockaddr*>(&storage), size);
  Descriptor one(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(one.get(), bound.data(), bound.size()) == 0);
  Descriptor other(::accept4(listening.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  REQUIRE(other.get() >= 0);
  REQUIRE(::fcntl(one.get(), F_SETFL, O_NONBLOCK) == 0);
  return {std::move(one), std::move(other)};
}

}  // namespace tidewire::testing
