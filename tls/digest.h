#pragma once

#include <tidewire/core/bytes.h>
#include <tidewire/core/export.h>
#include <tidewire/core/result.h>
#include <array>

namespace tidewire::tls {

/// SHA-1, which the WebSocket handshake asks for (RFC 6455 section 4.2.2). It is broken as a signature;
/// use it for nothing else. It fails when OpenSSL does. Any thread.
[[nodiscard]] TIDEWIRE_API Result<std::array<std::byte, 20>> sha1(Bytes data);

/// Fills `out` with bytes that nobody can foretell, from the system's generator. It fails when that can't
/// be read; the contents of `out` mean nothing then. Any thread.
[[nodiscard]] TIDEWIRE_API Result<void> random_bytes(MutableBytes out);

}  // namespace tidewire::tls
