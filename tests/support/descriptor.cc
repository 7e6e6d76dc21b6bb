#include <netinet/tcp.h>

#include <doctest/doctest.h>
#include <support/descriptor.h>

namespace tidewire::testing {

void Descriptor::break_off() noexcept {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(number_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  reset();
}

void Descriptor::send(std::string_view text) const {
  REQUIRE(::send(number_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
}

Descriptor connect_to(const transport::Address& address) {
  Descriptor made(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(made.get() >= 0);
  REQUIRE(::connect(made.get(), address.data(), address.size()) == 0);
  return made;
}

std::pair<Descriptor, Descriptor> tcp_sockets() {
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
  for (const Descriptor* end : {&one, &other}) {
    constexpr int yes = 1;
    REQUIRE(::setsockopt(end->get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) == 0);
  }
  return {std::move(one), std::move(other)};
}

}  // namespace tidewire::testing
