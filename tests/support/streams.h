#pragma once

#include <support/descriptor.h>
#include <tidewire/core/loop.h>
#include <tidewire/transport/memory_stream.h>
#include <tidewire/transport/socket_stream.h>
#include <utility>

/// The kinds of stream, for suites that run the same cases over each of them:
/// TEST_CASE_TEMPLATE("...", Kind, Tcp, UnixSocket, Memory) { auto [near, far] = Kind::connect(loop); ... }
namespace tidewire::testing {

using Streams = std::pair<transport::StreamPtr, transport::StreamPtr>;

struct Tcp {
  static Streams connect(Loop& loop) {
    auto [one, other] = tcp_sockets();
    auto first = transport::adopt_socket(loop, one.release(), false).value();
    return {std::move(first), transport::adopt_socket(loop, other.release(), false).value()};
  }
};

struct UnixSocket {
  static Streams connect(Loop& loop) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    Descriptor other(ends[1]);
    auto first = transport::adopt_socket(loop, ends[0], true).value();
    return {std::move(first), transport::adopt_socket(loop, other.release(), true).value()};
  }
};

struct Memory {
  static Streams connect(Loop& loop) { return transport::memory_pair(loop); }
};

}  // namespace tidewire::testing
