#include <support/tls_contexts.h>

namespace tidewire::testing {

const Authority& test_authority() {
  static const Authority authority("Tidewire's tests");
  return authority;
}

const tls::Context& server_context() {
  static const tls::Context context = [] {
    const Issued issued = test_authority().issue({.dns_names = {"localhost"}, .addresses = {"127.0.0.1"}});
    return tls::Context::server({.certificate = issued.certificate, .private_key = issued.private_key}).value();
  }();
  return context;
}

const tls::Context& client_context() {
  static const tls::Context context = tls::Context::client({.ca = test_authority().certificate()}).value();
  return context;
}

}  // namespace tidewire::testing
