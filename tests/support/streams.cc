#include <support/streams.h>

namespace tidewire::testing {

transport::StreamPtr adopt(Loop& loop, Descriptor socket) {
  return transport::adopt_socket(loop, transport::Descriptor(socket.release()));
}

Streams connect_tcp(Loop& loop) {
  auto [one, other] = tcp_sockets();
  auto first = adopt(loop, std::move(one));
  return {std::move(first), adopt(loop, std::move(other))};
}

Streams connect_unix(Loop& loop) {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
  Descriptor other(ends[1]);
  auto first = adopt(loop, Descriptor(ends[0]));
  return {std::move(first), adopt(loop, std::move(other))};
}

Streams connect_memory(Loop& loop) { return transport::memory_pair(loop); }

Streams encrypted(Streams plain) {
  Loop& loop = plain.first->loop();
  auto connected = tls::connect(client_context(), std::move(plain.first), "localhost", 443);
  REQUIRE(connected);
  transport::StreamPtr near = *std::move(connected);
  transport::StreamPtr far = tls::accept(server_context(), std::move(plain.second));
  // What follows the handshake, tickets for later ones, is read by whoever reads.
  static Recorder reader;
  near->attach(reader);
  near->resume();
  run_until(loop, [&] { return tls::as_encrypted(*near)->established() && tls::as_encrypted(*far)->established(); });
  settle(loop);
  near->pause();
  REQUIRE(reader.received.empty());
  REQUIRE(reader.failures.empty());
  return {std::move(near), std::move(far)};
}

}  // namespace tidewire::testing
