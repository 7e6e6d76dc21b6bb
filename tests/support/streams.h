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

inline transport::StreamPtr adopt(Loop& loop, Descriptor socket) {
  return transport::adopt_socket(loop, transport::Descriptor(socket.release()));
}

struct Tcp {
  static constexpr Polling polling = Polling::native;
  static Streams connect(Loop& loop) {
    auto [one, other] = tcp_sockets();
    auto first = adopt(loop, std::move(one));
    return {std::move(first), adopt(loop, std::move(other))};
  }
};

struct UnixSocket {
  static constexpr Polling polling = Polling::native;
  static Streams connect(Loop& loop) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    Descriptor other(ends[1]);
    auto first = adopt(loop, Descriptor(ends[0]));
    return {std::move(first), adopt(loop, std::move(other))};
  }
};

/// The same in a loop that leaves all waiting to libuv.
template <class Kind>
struct ByLibuv : Kind {
  static constexpr Polling polling = Polling::libuv;
};

struct Memory {
  static constexpr Polling polling = Polling::native;
  static Streams connect(Loop& loop) { return transport::memory_pair(loop); }
};

}  // namespace tidewire::testing
