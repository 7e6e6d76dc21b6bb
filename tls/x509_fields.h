#pragma once

#include <openssl/x509.h>
#include <chrono>
#include <string>
#include <vector>

/// What stands in certificates, in the language's own types.
namespace tidewire::tls {

/// A name in one line, as RFC 2253 has it: "CN=example.org,O=Example". Control characters are escaped.
[[nodiscard]] std::string name_text(const X509_NAME& name);

/// Whom a certificate is for, in one line.
[[nodiscard]] inline std::string subject_of(const X509& certificate) {
  return name_text(*X509_get_subject_name(&certificate));
}

/// The dNSNames of its subjectAltName that are server names, in lower case and their order. Others serve nobody.
[[nodiscard]] std::vector<std::string> server_names_of(const X509& certificate);

/// A time, at the ends of what the clock can say if it is beyond them (there are certificates until the year 9999). One
/// that can't be read is the clock's first.
[[nodiscard]] std::chrono::system_clock::time_point time_of(const ASN1_TIME& time) noexcept;

/// "2026-01-31 12:00 UTC".
[[nodiscard]] std::string time_text(std::chrono::system_clock::time_point time);

}  // namespace tidewire::tls
