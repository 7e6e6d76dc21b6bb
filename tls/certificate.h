#pragma once

#include <tidewire/core/export.h>
#include <tidewire/core/result.h>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tidewire::tls {

/// Asked for the passphrase of a private key that is encrypted; `key` names the key, by its file or "private key".
/// It is called on whichever thread loads or reloads. An empty answer means that there is none.
using Passphrase = std::function<std::string(std::string_view key)>;

/// Where a certificate and its private key come from: PEM, each from a file or from memory. Files are read anew at
/// each reload.
struct CertificateSource {
  /// The chain: the server's (or client's) own certificate first, then those that lead to the root, which itself may
  /// be left out.
  std::string certificate_file = {};
  std::string private_key_file = {};
  /// The same as text, in place of a file.
  std::string certificate = {};
  std::string private_key = {};
  /// For a key that is encrypted. None: such a key is an error.
  Passphrase passphrase = {};
  /// An OCSP response in DER, to be stapled to the certificate for clients that ask (RFC 6066 section 8). It is as old
  /// as the file: have whatever fetches it call `Context::reload`. Past its `nextUpdate` it is no longer stapled.
  /// Empty: nothing is stapled.
  std::string ocsp_response_file = {};
  /// The server names that this certificate is for: "example.org", or "*.example.org", which stands for one label;
  /// other alphabets in their "xn--" form. Empty: what the certificate itself says (its subjectAltName).
  std::vector<std::string> names = {};
};

struct LoadedCertificate;

/// A certificate with its chain and private key, loaded and found to be whole. Cheap to copy: copies share what was
/// loaded, which doesn't change. Any thread.
class TIDEWIRE_API Certificate {
 public:
  /// Reads and checks. Errors, `invalid_configuration` all: a file that can't be read; what isn't PEM (DER is named as
  /// what it is); an encrypted key without a passphrase or with a wrong one; a key that isn't the certificate's; a
  /// chain in which one certificate wasn't issued by the next; a certificate of our own (the first) that has expired or
  /// isn't valid yet; an OCSP response that is none, not for this certificate, or has it revoked; a name that is no
  /// host name. Also `exception`, if asking for the passphrase threw. The detail names the file.
  [[nodiscard]] static Result<Certificate> load(const CertificateSource& source);

  /// The names that it serves, in lower case.
  [[nodiscard]] const std::vector<std::string>& names() const noexcept;
  /// Whom it is for, in one line: "CN=example.org".
  [[nodiscard]] const std::string& subject() const noexcept;
  /// When the first certificate of the chain to expire does so, of those that were valid when it was loaded.
  [[nodiscard]] std::chrono::system_clock::time_point expires() const noexcept;
  /// What is wrong and does not keep it from being served, a line each: another certificate of the chain that has
  /// expired or isn't valid yet (clients that trust an issuer before it, or know another way, do not need it: a root
  /// that is cross-signed, say), and an OCSP response that does not know the certificate, which is not stapled then.
  [[nodiscard]] const std::vector<std::string>& warnings() const noexcept;

  /// \name For the layer itself
  /// @{
  [[nodiscard]] const LoadedCertificate& loaded() const noexcept { return *loaded_; }
  /// @}

 private:
  explicit Certificate(std::shared_ptr<const LoadedCertificate> loaded) noexcept : loaded_(std::move(loaded)) {}

  std::shared_ptr<const LoadedCertificate> loaded_;
};

}  // namespace tidewire::tls
