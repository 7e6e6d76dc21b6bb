#pragma once

#include <support/certificates.h>
#include <tidewire/tls/context.h>

/// A server for localhost and a client that trusts it, for tests that need TLS and nothing special of it.
namespace tidewire::testing {

inline const Authority& test_authority() {
  static const Authority authority("Tidewire's tests");
  return authority;
}

inline const tls::Context& server_context() {
  static const tls::Context context = [] {
    const Issued issued = test_authority().issue({.dns_names = {"localhost"}, .addresses = {"127.0.0.1"}});
    return tls::Context::server({.certificate = issued.certificate, .private_key = issued.private_key}).value();
  }();
  return context;
}

inline const tls::Context& client_context() {
  static const tls::Context context = tls::Context::client({.ca = test_authority().certificate()}).value();
  return context;
}

}  // namespace tidewire::testing
