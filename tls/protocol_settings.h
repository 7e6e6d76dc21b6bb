#pragma once

#include <tidewire/core/result.h>
#include <tidewire/tls/context.h>
#include <tidewire/tls/openssl_types.h>
#include <string>
#include <vector>

namespace tidewire::tls {

/// Gives a context, of either role, what the options say of versions, suites, groups and buffers, and what holds for
/// every connection. ALPN is set by the role. Errors, `invalid_configuration`, name the option.
[[nodiscard]] Result<void> apply(const ProtocolOptions& options, SSL_CTX* context);

/// The protocols as ALPN has them on the wire: each with its length in front (RFC 7301 section 3.1). The error is that
/// of a name that is empty or longer than 255 bytes.
[[nodiscard]] Result<std::string> alpn_list(const std::vector<std::string>& protocols);

}  // namespace tidewire::tls
