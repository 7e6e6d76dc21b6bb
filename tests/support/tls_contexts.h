#pragma once

#include <support/certificates.h>
#include <tidewire/tls/context.h>

/// A server for localhost and a client that trusts it, for tests that need TLS and nothing special of it.
namespace tidewire::testing {

const Authority& test_authority();
const tls::Context& server_context();
const tls::Context& client_context();

}  // namespace tidewire::testing
