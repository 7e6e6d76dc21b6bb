#pragma once

#include <tidewire/core/export.h>
#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

struct x509_st;

namespace tidewire::tls {

/// What a peer's certificate says: copies, that depend on nothing.
struct PeerCertificate {
  std::string subject;  ///< In one line, as RFC 2253 has it: "CN=Ana,O=Example".
  std::string common_name;
  std::string issuer;
  std::string serial;  ///< In hexadecimal, in capitals.
  /// The subjectAltName: host names, e-mail addresses, URIs and IP addresses as "DNS:a.example", "email:ana@a.example",
  /// "URI:spiffe://a.example/x", "IP:127.0.0.1".
  std::vector<std::string> alternative_names;
  std::chrono::system_clock::time_point not_before;
  std::chrono::system_clock::time_point not_after;
  std::array<std::byte, 32> sha256;  ///< The fingerprint of all of it.

  /// What OpenSSL has of it. Throws std::bad_alloc.
  [[nodiscard]] TIDEWIRE_API static PeerCertificate from(x509_st& certificate);
};

}  // namespace tidewire::tls
