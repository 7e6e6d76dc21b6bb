#pragma once

#include <tidewire/core/result.h>
#include <tidewire/tls/context.h>
#include <tidewire/tls/openssl_types.h>

namespace tidewire::tls {

/// Makes a server's context ask for client certificates and verify them, as the options say. It also sets in which
/// context sessions are resumed: where trust differs, or certificates are required, they are not, since what a resumed
/// session's client showed is not verified again.
[[nodiscard]] Result<void> verify_clients(const ServerOptions& options, SSL_CTX* context);

}  // namespace tidewire::tls
