#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <tidewire/transport/address.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>

namespace tidewire::transport {
namespace {

Error bad_address(std::string_view text, const char* why) {
  return {Errc::invalid_argument, "address \"" + std::string(text) + "\": " + why};
}

constexpr std::size_t path_offset = offsetof(sockaddr_un, sun_path);

template <class Family>
Family read_as(const sockaddr_storage& storage) noexcept {
  Family address;
  std::memcpy(&address, &storage, sizeof address);
  return address;
}

Result<std::uint16_t> parse_port(std::string_view text, std::string_view port) {
  std::uint16_t value = 0;
  const auto [end, status] = std::from_chars(port.data(), port.data() + port.size(), value);
  if (port.empty() || status != std::errc() || end != port.data() + port.size()) {
    return bad_address(text, "the port must be a number from 0 to 65535");
  }
  return value;
}

}  // namespace

Result<Address> Address::parse(std::string_view text) {
  Address address;
  if (text.starts_with("unix:")) {
    const std::string_view path = text.substr(5);
    sockaddr_un unix_address{};
    if (path.empty()) return bad_address(text, "the path of the socket is missing");
    if (path.size() >= sizeof unix_address.sun_path) return bad_address(text, "the path is too long for a socket");
    if (path.find('\0') != std::string_view::npos) return bad_address(text, "the path has a NUL byte");
    unix_address.sun_family = AF_UNIX;
    std::memcpy(unix_address.sun_path, path.data(), path.size());
    address.size_ = static_cast<socklen_t>(path_offset + path.size() + 1);
    std::memcpy(&address.storage_, &unix_address, sizeof unix_address);
    return address;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad_address(text, "expected HOST:PORT, as in 127.0.0.1:8080");
  auto port = parse_port(text, text.substr(colon + 1));
  if (!port) return port.error();

  std::string host(text.substr(0, colon));
  if (host.find('\0') != std::string::npos) return bad_address(text, "the host has a NUL byte");
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (host == "*") {
    v6.sin6_addr = in6addr_any;
    address.any_family_ = true;
  } else if (bracketed) {
    host = host.substr(1, host.size() - 2);
    if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) != 1) {
      return bad_address(text, "what stands in brackets is no IPv6 address");
    }
  } else if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(*port);
    address.size_ = sizeof v4;
    std::memcpy(&address.storage_, &v4, sizeof v4);
    return address;
  } else {
    return bad_address(text, host.find(':') != std::string::npos
                                 ? "an IPv6 address goes in brackets, as in [::1]:8080"
                                 : "the host must be an IP address, or * for all; for this machine alone 127.0.0.1");
  }
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(*port);
  address.size_ = sizeof v6;
  std::memcpy(&address.storage_, &v6, sizeof v6);
  return address;
}

Address Address::from(const sockaddr* address, socklen_t size) noexcept {
  Address made;
  made.size_ = std::min<socklen_t>(size, sizeof made.storage_);
  std::memcpy(&made.storage_, address, made.size_);
  return made;
}

std::string Address::ip() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (family() == AF_INET) {
    const auto v4 = read_as<sockaddr_in>(storage_);
    inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  } else if (family() == AF_INET6) {
    const auto v6 = read_as<sockaddr_in6>(storage_);
    // A socket of both families shows IPv4 peers as ::ffff:a.b.c.d; people know them as a.b.c.d.
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, text.data(), text.size());
    } else {
      inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    }
  }
  return text.data();
}

std::uint16_t Address::port() const noexcept {
  if (family() == AF_INET) return ntohs(read_as<sockaddr_in>(storage_).sin_port);
  if (family() == AF_INET6) return ntohs(read_as<sockaddr_in6>(storage_).sin6_port);
  return 0;
}

std::string_view Address::path() const noexcept {
  if (!is_unix() || size_ <= path_offset) return {};
  const char* path = reinterpret_cast<const char*>(&storage_) + path_offset;
  return {path, strnlen(path, size_ - path_offset)};
}

std::string Address::to_string() const {
  if (is_unix()) return "unix:" + std::string(path());
  if (any_family_) return "*:" + std::to_string(port());
  std::string host = ip();
  if (host.empty()) return host;
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port());
}

bool Address::operator==(const Address& other) const noexcept {
  return family() == other.family() && port() == other.port() && path() == other.path() && ip() == other.ip();
}

}  // namespace tidewire::transport
