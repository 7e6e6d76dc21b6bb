#pragma once

#include <tidewire/bench/socket.h>
#include <tidewire/bench/tls.h>
#include <tidewire/core/result.h>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace tidewire::bench {

/// A receive buffer has to have so much room: for a record (RFC 8446 5.1) that was begun, and what else has come.
inline constexpr std::size_t least_receive_buffer_bytes = 64 * 1024;

/// A connection to the server, in the clear or in TLS. It never waits; on a socket that blocks, its calls do.
class Connection {
 public:
  Connection() noexcept : socket_(-1) {}
  explicit Connection(Descriptor socket, std::unique_ptr<TlsChannel> tls = nullptr) noexcept
      : socket_(std::move(socket)), tls_(std::move(tls)) {}

  [[nodiscard]] int descriptor() const noexcept { return socket_.number(); }

  /// A step of the TLS handshake, of which the first sends. In the clear there is none, and it is done.
  [[nodiscard]] Result<Handshake> shake_hands() {
    return tls_ ? tls_->shake_hands(descriptor()) : Result<Handshake>(Handshake::done);
  }

  /// How many of these bytes are on their way: 0 when none. The others have to be given again, as they are: in TLS they
  /// may be encrypted and in part sent already. All of them count only when all has been sent.
  [[nodiscard]] Result<std::size_t> send_some(std::string_view bytes) {
    return tls_ ? tls_->send_some(descriptor(), bytes) : send_to(descriptor(), bytes);
  }

  /// What it has at the moment.
  [[nodiscard]] Result<Received> receive(std::span<char> buffer) {
    return tls_ ? tls_->receive(descriptor(), buffer) : receive_from(descriptor(), buffer);
  }
  /// The same, where the server's end of it is an error (Errc::closed).
  [[nodiscard]] Result<Received> receive_some(std::span<char> buffer) {
    auto received = receive(buffer);
    if (received && received->bytes == 0 && (received->ended || received->notified)) {
      return Error{Errc::closed, "the server ended a connection"};
    }
    return received;
  }

 private:
  Descriptor socket_;
  std::unique_ptr<TlsChannel> tls_;  ///< None in the clear.
};

}  // namespace tidewire::bench
