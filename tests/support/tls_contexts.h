#pragma once

#include <support/certificates.h>
#include <tidewire/tls/context.h>
#include <cstdlib>

/// A server for localhost and a client that trusts it, for tests that need TLS and nothing special of it.
namespace tidewire::testing {

inline const Authority& test_authority() {
  static const Authority authority("Tidewire's tests");
  return authority;
}

/// On a kernel that is there to encrypt (tests/kernel) it does, whatever the version.
inline tls::ProtocolOptions test_protocol() {
  const bool by_kernel = std::getenv("TIDEWIRE_KERNEL_TLS") != nullptr;
  return {.kernel_tls = by_kernel ? tls::KernelTls::always : tls::KernelTls::unnoticed};
}

inline const tls::Context& server_context() {
  static const tls::Context context = [] {
    const Issued issued = test_authority().issue({.dns_names = {"localhost"}, .addresses = {"127.0.0.1"}});
    return tls::Context::server(
               {.certificate = issued.certificate, .private_key = issued.private_key, .protocol = test_protocol()})
        .value();
  }();
  return context;
}

inline const tls::Context& client_context() {
  static const tls::Context context =
      tls::Context::client({.ca = test_authority().certificate(), .protocol = test_protocol()}).value();
  return context;
}

}  // namespace tidewire::testing
