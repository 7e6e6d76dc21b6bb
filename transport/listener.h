#pragma once

#include <tidewire/core/export.h>
#include <tidewire/core/loop.h>
#include <tidewire/core/result.h>
#include <tidewire/core/timer_wheel.h>
#include <tidewire/transport/address.h>
#include <tidewire/transport/stream.h>
#include <functional>
#include <memory>
#include <optional>

namespace tidewire::transport {

struct ListenOptions {
  /// Connections that the system completes before we accept them; it caps this at its own limit
  /// (net.core.somaxconn). Large, so that a burst of clients that reconnect is not turned away.
  int backlog = 4096;
  /// TCP_NODELAY: small messages leave at once. We gather writes ourselves.
  bool no_delay = true;
  /// Takes IPv6 alone on an IPv6 address; "*" takes both.
  bool ipv6_only = false;
  /// Lets other sockets with this option listen on the same TCP port (SO_REUSEPORT), of processes of the same user;
  /// the system spreads connections over them. For one listener in each of several processes or loops. Off by default,
  /// as a second server on the port would go unnoticed.
  bool reuse_port = false;
  /// Access rights of a Unix socket's file.
  unsigned unix_mode = 0660;
};

/// Accepts connections on a TCP or Unix socket. Belongs to the loop; destroying it stops it, and removes
/// the file of a Unix socket, if that is still its own. A file that a dead process left behind is replaced, one that is
/// in use not.
///
/// When accepting fails, for want of descriptors or memory or for whatever else, it logs one line, pauses for 100 ms at
/// a time, and goes on; connections in the backlog meanwhile are not lost. What accept(2) reports of a single
/// connection that has gone, or that a firewall forbids, is passed over, unless 64 of them follow each other.
class TIDEWIRE_API Listener final : private Deadline {
 public:
  /// Takes the new connection. Exceptions are logged, and the connection is closed.
  using OnAccept = std::function<void(StreamPtr)>;

  static Result<std::unique_ptr<Listener>> open(Loop& loop, const Address& address, const ListenOptions& options,
                                                OnAccept on_accept);
  ~Listener() override;

  /// Where it listens: with the port that the system chose, if that was 0.
  [[nodiscard]] const Address& address() const noexcept { return address_; }

 private:
  class Acceptor;

  Listener(Loop& loop, const Address& address, std::unique_ptr<Acceptor> acceptor);
  void accept_some() noexcept;
  void take(int descriptor) noexcept;
  void recover() noexcept;
  void rest(int error) noexcept;
  void on_deadline() noexcept override;

  Loop& loop_;
  Address address_;
  std::unique_ptr<Acceptor> acceptor_;
  std::optional<Loop::KeepAlive> resting_;  // Until all who waited have been accepted.
};

}  // namespace tidewire::transport
