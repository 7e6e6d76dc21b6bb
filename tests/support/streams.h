#pragma once

#include <doctest/doctest.h>
#include <support/consumers.h>
#include <support/descriptor.h>
#include <support/run.h>
#include <support/tls_contexts.h>
#include <tidewire/core/loop.h>
#include <tidewire/tls/stream.h>
#include <tidewire/transport/memory_stream.h>
#include <tidewire/transport/socket_stream.h>
#include <utility>

/// The kinds of stream, for suites that run the same cases over each of them.
namespace tidewire::testing {

using Streams = std::pair<transport::StreamPtr, transport::StreamPtr>;

struct StreamKind {
  const char* name;
  Streams (*connect)(Loop& loop);  ///< The near end, a client's, and the far one.
  Polling polling = Polling::native;
};

transport::StreamPtr adopt(Loop& loop, Descriptor socket);
Streams connect_tcp(Loop& loop);
Streams connect_unix(Loop& loop);
Streams connect_memory(Loop& loop);
/// The same two ends, encrypted: after the handshake, and with nothing of it on its way any more.
Streams encrypted(Streams plain);

inline constexpr StreamKind tcp{"TCP", connect_tcp};
inline constexpr StreamKind unix_socket{"Unix socket", connect_unix};
inline constexpr StreamKind tcp_by_libuv{"TCP by libuv", connect_tcp, Polling::libuv};
inline constexpr StreamKind unix_by_libuv{"Unix socket by libuv", connect_unix, Polling::libuv};
inline constexpr StreamKind memory{"memory", connect_memory};
inline constexpr StreamKind tls_over_tcp{"TLS over TCP", [](Loop& loop) { return encrypted(connect_tcp(loop)); }};
inline constexpr StreamKind tls_over_memory{"TLS over memory",
                                            [](Loop& loop) { return encrypted(connect_memory(loop)); }};

}  // namespace tidewire::testing

/// OVER_STREAMS("what holds", tcp, memory) { auto [near, far] = kind.connect(loop); ... }: a case for each.
#define OVER_STREAMS(title, ...) OVER_STREAMS_BY(DOCTEST_ANONYMOUS(over_streams_), title, __VA_ARGS__)
#define OVER_STREAMS_BY(function, title, ...)                         \
  static void function(const tidewire::testing::StreamKind& kind);    \
  TEST_CASE(title) {                                                  \
    for (const tidewire::testing::StreamKind& kind : {__VA_ARGS__}) { \
      SUBCASE(kind.name) { function(kind); }                          \
    }                                                                 \
  }                                                                   \
  static void function(const tidewire::testing::StreamKind& kind)
