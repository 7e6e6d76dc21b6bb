#include <sys/socket.h>

#include <doctest/doctest.h>
#include <support/consumers.h>
#include <support/descriptor.h>
#include <tidewire/transport/socket_calls.h>
#include <array>
#include <cerrno>
#include <string>

using namespace tidewire;
using namespace tidewire::testing;
using namespace tidewire::transport;

namespace {

std::string received(const Descriptor& from) {
  std::array<char, 1024> bytes;
  const ssize_t size = ::recv(from.get(), bytes.data(), bytes.size(), 0);
  return size > 0 ? std::string(bytes.data(), static_cast<std::size_t>(size)) : std::string();
}

}  // namespace

TEST_CASE("pieces leave together, in order") {
  const auto [one, other] = tcp_sockets();
  std::array pieces{as_iovec(as_bytes("one ")), as_iovec({}), as_iovec(as_bytes("two"))};
  CHECK(send_pieces(one.get(), pieces.data(), pieces.size()) == 7);
  CHECK(received(other) == "one two");
  CHECK(send_piece(one.get(), as_bytes("three")) == 5);
  CHECK(received(other) == "three");
}

TEST_CASE("a system that takes no more says so by 0, and what is broken by its number") {
  auto [one, other] = tcp_sockets();
  const std::string much = pattern(1 << 20);
  ssize_t sent = 1;
  while (sent > 0) sent = send_piece(one.get(), as_bytes(much));
  CHECK(sent == 0);
  std::array piece{as_iovec(as_bytes(much))};
  CHECK(send_pieces(one.get(), piece.data(), 1) == 0);

  // Nobody is ended by a signal.
  other.break_off();
  CHECK(send_piece(one.get(), as_bytes("x")) == -ECONNRESET);
  CHECK(send_pieces(one.get(), piece.data(), 1) == -EPIPE);
}

TEST_CASE("the addresses are those of the two ends, and empty without a connection") {
  const auto [one, other] = tcp_sockets();
  CHECK(local_address_of(one.get()).to_string() == peer_address_of(other.get()).to_string());
  CHECK(local_address_of(one.get()).to_string().starts_with("127.0.0.1:"));
  CHECK(local_address_of(-1).to_string().empty());
  const Descriptor lonely(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  CHECK(peer_address_of(lonely.get()).to_string().empty());
}
