#pragma once

#include <tidewire/core/result.h>
#include <tidewire/tls/openssl_types.h>
#include <chrono>
#include <string>

namespace tidewire::tls {

/// What a certificate's issuer says of it, signed, to be sent along with it (RFC 6960, RFC 6066 section 8).
struct OcspResponse {
  std::string der = {};  ///< Empty: there is none.
  /// From when on a newer one is due (`nextUpdate`), and clients no longer believe this one.
  std::chrono::system_clock::time_point due = std::chrono::system_clock::time_point::max();

  /// Why it is not stapled, if it is not; a line for the log.
  std::string warning = {};

  [[nodiscard]] bool is_current() const noexcept { return !der.empty() && std::chrono::system_clock::now() < due; }
};

/// Reads one in DER. The signature is for clients to check. `issuer` is the certificate's, null if it isn't at hand:
/// then an issuer of the same name is taken for it. Errors, `invalid_configuration`: the file can't be read; it is no
/// response, or one without an answer; it is for other certificates; by it the certificate is revoked. One that does
/// not know the certificate gives a warning, and is left out: clients that look refuse the certificate with it.
[[nodiscard]] Result<OcspResponse> read_ocsp_response(const std::string& file, const X509& certificate,
                                                      const X509* issuer);

}  // namespace tidewire::tls
