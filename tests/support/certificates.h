#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

/// Certificates for tests, made while they run: authorities, what they issue, revocation lists, OCSP responses. As text
/// in PEM, if nothing else is said. Failures are exceptions.
namespace tidewire::testing {

using Days = std::chrono::duration<int, std::ratio<24 * 60 * 60>>;

enum class KeyKind { ec, rsa, weak_rsa };

struct CertificateSpec {
  std::string common_name = "localhost";
  std::vector<std::string> dns_names = {};
  std::vector<std::string> addresses = {};
  KeyKind key = KeyKind::ec;
  /// From now on.
  Days begins{-1};
  Days ends{30};
};

/// A certificate and its key.
struct Issued {
  std::string certificate;
  std::string private_key;
};

enum class OcspStatus { good, revoked, unknown };

/// Whoever issues certificates: a root, or below one.
class Authority {
 public:
  explicit Authority(const std::string& name);
  Authority(const std::string& name, const Authority& issuer, Days ends = Days(30));
  Authority(Authority&&) noexcept;
  Authority& operator=(Authority&&) noexcept;
  ~Authority();

  [[nodiscard]] std::string certificate() const;
  [[nodiscard]] Issued issue(const CertificateSpec& spec = {}) const;
  [[nodiscard]] std::string revocation_list(const std::vector<Issued>& revoked, Days ends = Days(30)) const;
  /// In DER.
  [[nodiscard]] std::string ocsp_response(const Issued& about, Days ends = Days(7),
                                          OcspStatus status = OcspStatus::good) const;

 private:
  struct Identity;
  std::unique_ptr<Identity> identity_;
};

[[nodiscard]] Issued self_signed(const CertificateSpec& spec = {});

/// An OCSP response, in DER, by which the responder says that it has none ("try later").
[[nodiscard]] std::string ocsp_refusal();

[[nodiscard]] std::string encrypted_key(const std::string& private_key, const std::string& passphrase);
[[nodiscard]] std::string certificate_in_der(const std::string& certificate);
[[nodiscard]] std::string key_in_der(const std::string& private_key);
[[nodiscard]] std::string in_pkcs12(const Issued& issued);

/// A folder of its own for files, which goes with it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();

  /// Writes a file, or writes it anew, and returns its path.
  std::string file(const std::string& name, const std::string& contents) const;
  [[nodiscard]] std::string path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_ = "/tmp/tidewire-test-XXXXXX";
};

}  // namespace tidewire::testing
