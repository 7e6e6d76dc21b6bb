#pragma once

#include <tidewire/core/result.h>
#include <tidewire/tls/context.h>
#include <tidewire/tls/openssl_types.h>
#include <chrono>

namespace tidewire::tls {

/// Makes a server's context ask for client certificates and verify them, as the options say. It also sets in which
/// context sessions are resumed: where trust differs, or certificates are required, they are not, since what a resumed
/// session's client showed is not verified again. Returns from when on the first of the revocation lists is out of
/// date (`nextUpdate`), after which no session may be resumed: the clock's end if that is never.
[[nodiscard]] Result<std::chrono::system_clock::time_point> verify_clients(const ServerOptions& options,
                                                                           SSL_CTX* context);

}  // namespace tidewire::tls
