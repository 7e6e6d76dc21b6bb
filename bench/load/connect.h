#pragma once

#include <netinet/in.h>
#include <tidewire/bench/connection.h>
#include <tidewire/bench/offer.h>
#include <tidewire/bench/tls.h>
#include <tidewire/core/result.h>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidewire::bench {

/// Where the server listens, always on this machine, and how it is spoken to.
struct Endpoint {
  std::string host;  ///< As in the URL, for the Host header.
  std::uint16_t port = 0;
  sockaddr_in address = {};
  TlsClient* tls = nullptr;  ///< Has to outlive all connections; none in the clear.
};

/// The endpoint of "localhost" or an address in 127.0.0.0/8. Any other is refused (Errc::refused): this is no tool to
/// send load to others.
[[nodiscard]] Result<Endpoint> loopback_endpoint(std::string_view host, std::uint16_t port);

/// Raises the limit on open files as far as the system lets it; an error when that is fewer than `count`.
[[nodiscard]] Result<void> allow_open_files(std::size_t count);

/// Opens `count` connections, of TLS with the handshake done. They block, for 5 s at most in each call, until
/// `make_non_blocking`.
[[nodiscard]] Result<std::vector<Connection>> open_connections(const Endpoint& endpoint, std::size_t count);

/// The same, with the WebSocket handshake done on each. An answer that `check_handshake` does not take, or has anything
/// behind it, is an error.
[[nodiscard]] Result<std::vector<Connection>> open_websockets(const Endpoint& endpoint, std::string_view path,
                                                              std::size_t count, Offer offer = Offer::nothing);

/// What the server answers to an offer of permessage-deflate: the value of Sec-WebSocket-Extensions, asked for with a
/// connection that is closed again.
[[nodiscard]] Result<std::string> agreed_extension(const Endpoint& endpoint, std::string_view path, Offer offer);

[[nodiscard]] Result<void> make_non_blocking(const std::vector<Connection>& connections);

/// What one exchange over a blocking connection brought: a response's head with its blank line, and its body.
struct Response {
  std::string head;
  std::string body;
};

/// Sends a request and reads the response with a body of its Content-Length; one without it is an error.
[[nodiscard]] Result<Response> request(Connection& connection, std::string_view bytes);

}  // namespace tidewire::bench
