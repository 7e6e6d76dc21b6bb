#pragma once

#include <tidewire/tls/certificate.h>
#include <tidewire/tls/ocsp_response.h>
#include <tidewire/tls/openssl_types.h>
#include <chrono>
#include <string>
#include <vector>

namespace tidewire::tls {

/// What a Certificate shares. It isn't changed, and handshakes of any thread use it.
struct LoadedCertificate {
  std::string name;  ///< What messages call it: the file's.
  X509Ptr certificate;
  X509StackPtr chain;  ///< Those that lead on, without the certificate itself.
  EvpPkeyPtr private_key;
  OcspResponse ocsp;
  std::vector<std::string> names;
  std::vector<std::string> warnings;
  std::string subject;
  std::chrono::system_clock::time_point expires;
};

}  // namespace tidewire::tls
