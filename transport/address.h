#pragma once

#include <sys/socket.h>

#include <tidewire/core/export.h>
#include <tidewire/core/result.h>
#include <cstdint>
#include <string>
#include <string_view>

namespace tidewire::transport {

/// Where a socket is: an IP address and port, or the path of a Unix socket. A value.
class TIDEWIRE_API Address {
 public:
  /// No address: of a socket without one, or of a stream that is not a socket.
  Address() noexcept = default;

  /// Reads "127.0.0.1:9001", "[::1]:9001", "*:9001" (every interface, IPv4 and IPv6) or "unix:/run/app.sock".
  /// Port 0 lets the system choose. Host names are not resolved: `localhost` is refused with advice.
  static Result<Address> parse(std::string_view text);

  /// Takes what the system calls returned.
  [[nodiscard]] static Address from(const sockaddr* address, socklen_t size) noexcept;

  /// In the form that `parse` reads; "unix:" for a Unix socket without a name, "" for no address.
  [[nodiscard]] std::string to_string() const;

  /// The IP address alone ("::1"), empty if it has none.
  [[nodiscard]] std::string ip() const;
  /// The port, 0 if it has none.
  [[nodiscard]] std::uint16_t port() const noexcept;
  /// The path of a Unix socket, empty for others.
  [[nodiscard]] std::string_view path() const noexcept;

  [[nodiscard]] int family() const noexcept { return storage_.ss_family; }
  [[nodiscard]] bool is_unix() const noexcept { return family() == AF_UNIX; }
  /// Whether it was given as "*": IPv6's unspecified address, which takes IPv4 too.
  [[nodiscard]] bool any_family() const noexcept { return any_family_; }

  [[nodiscard]] const sockaddr* data() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
  [[nodiscard]] socklen_t size() const noexcept { return size_; }

  /// The same, whatever spelling it was parsed from.
  [[nodiscard]] bool operator==(const Address& other) const noexcept;

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
  bool any_family_ = false;
};

}  // namespace tidewire::transport
