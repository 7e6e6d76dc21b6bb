#pragma once

#include <tidewire/core/result.h>
#include <tidewire/tls/certificate.h>
#include <tidewire/tls/openssl_types.h>
#include <string>
#include <string_view>
#include <vector>

/// Files, and what PEM (RFC 7468) in them says. Errors are `invalid_configuration`, and their details begin with the
/// file's name; for a text that was given in place of a file, with what the text is.
namespace tidewire::tls {

/// A text that may be a secret, and is wiped in the end.
class PemText {
 public:
  PemText(std::string name, std::string text) noexcept : name_(std::move(name)), text_(std::move(text)) {}
  PemText(PemText&&) noexcept = default;
  PemText& operator=(PemText&&) = delete;
  ~PemText();

  /// What messages call it.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::string name_;
  std::string text_;
};

/// The whole of a file. Errors: what the system says; more than 64 MiB.
[[nodiscard]] Result<std::string> read_file(const std::string& file);

/// The text of an option that can be a file or the text itself; `what` says what it is: "private key". Errors: those of
/// `read_file`; neither or both given.
[[nodiscard]] Result<PemText> read_pem(const std::string& file, const std::string& text, std::string_view what);

/// All certificates, at least one, in their order; what else is there is skipped. Errors: none is there, or not in PEM;
/// one that can't be read.
[[nodiscard]] Result<std::vector<X509Ptr>> certificates_in(const PemText& pem);

/// All revocation lists, likewise.
[[nodiscard]] Result<std::vector<X509CrlPtr>> revocation_lists_in(const PemText& pem);

/// The first private key. Errors: none is there, or not in PEM; it is encrypted, and there is no passphrase or a wrong
/// one; `exception` if the callback threw.
[[nodiscard]] Result<EvpPkeyPtr> private_key_in(const PemText& pem, const Passphrase& passphrase);

}  // namespace tidewire::tls
