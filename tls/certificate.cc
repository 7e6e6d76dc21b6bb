#include <openssl/x509v3.h>
#include <tidewire/tls/certificate.h>
#include <tidewire/tls/certificate_internal.h>
#include <tidewire/tls/openssl_error.h>
#include <tidewire/tls/pem.h>
#include <tidewire/tls/server_names.h>
#include <tidewire/tls/x509_fields.h>
#include <algorithm>

namespace tidewire::tls {
namespace {

using Chain = std::vector<X509Ptr>;
using TimePoint = std::chrono::system_clock::time_point;

bool has_issued(X509& issuer, X509& certificate) {
  return X509_check_issued(&issuer, &certificate) == X509_V_OK &&
         X509_verify(&certificate, X509_get0_pubkey(&issuer)) == 1;
}

/// RFC 8446 section 4.4.2: each certificate after the sender's own "SHOULD directly certify the one immediately
/// preceding it", and many clients know no other order.
Result<void> check_order(const std::string& name, const Chain& chain) {
  for (std::size_t i = 1; i < chain.size(); ++i) {
    if (has_issued(*chain[i], *chain[i - 1])) continue;
    clear_openssl_errors();
    return unusable(name + ": certificate " + std::to_string(i + 1) + " (" + subject_of(*chain[i]) +
                    ") did not issue the one before it (" + subject_of(*chain[i - 1]) +
                    "): the chain is out of order, or lacks one");
  }
  return {};
}

/// What is wrong with a certificate's time; empty if nothing is.
std::string time_fault(const std::string& name, const X509& certificate, TimePoint now) {
  const TimePoint begin = time_of(*X509_get0_notBefore(&certificate));
  const TimePoint end = time_of(*X509_get0_notAfter(&certificate));
  if (begin <= now && now < end) return {};
  const bool early = now < begin;
  return name + ": the certificate of " + subject_of(certificate) +
         (early ? " is not valid before " + time_text(begin) : " expired on " + time_text(end));
}

TimePoint first_end(const Chain& chain, TimePoint now) {
  TimePoint first = TimePoint::max();
  for (const X509Ptr& certificate : chain) {
    const TimePoint end = time_of(*X509_get0_notAfter(certificate.get()));
    if (now < end) first = std::min(first, end);
  }
  return first;
}

Result<std::vector<std::string>> lower_names(const std::vector<std::string>& given) {
  std::vector<std::string> names;
  for (const std::string& name : given) {
    if (!is_server_name(name)) return unusable("names: \"" + name + "\" is no host name, and no \"*.\" and one");
    names.push_back(lower_case(name));
  }
  return names;
}

Result<EvpPkeyPtr> load_private_key(const CertificateSource& source, const std::string& name, X509& certificate) {
  auto pem = read_pem(source.private_key_file, source.private_key, "private key");
  if (!pem) return std::move(pem).error();
  auto key = private_key_in(*pem, source.passphrase);
  if (key && X509_check_private_key(&certificate, key->get()) != 1) {
    clear_openssl_errors();
    return unusable(pem->name() + ": is not the key of " + name);
  }
  return key;
}

/// All but the first, which is moved out before.
X509StackPtr stack_of_rest(Chain& chain) {
  X509StackPtr stack(sk_X509_new_reserve(nullptr, static_cast<int>(chain.size())));
  for (std::size_t i = 1; stack && i < chain.size(); ++i) sk_X509_push(stack.get(), chain[i].release());
  return stack;
}

Result<std::shared_ptr<const LoadedCertificate>> load(const CertificateSource& source) {
  auto pem = read_pem(source.certificate_file, source.certificate, "certificate");
  if (!pem) return std::move(pem).error();
  const std::string& name = pem->name();
  auto read = certificates_in(*pem);
  if (!read) return std::move(read).error();
  Chain& chain = *read;

  if (auto ordered = check_order(name, chain); !ordered) return std::move(ordered).error();
  auto key = load_private_key(source, name, *chain.front());
  if (!key) return std::move(key).error();
  const TimePoint now = std::chrono::system_clock::now();
  if (auto fault = time_fault(name, *chain.front(), now); !fault.empty()) return unusable(std::move(fault));
  auto names = lower_names(source.names);
  if (!names) return std::move(names).error();
  if (names->empty()) *names = server_names_of(*chain.front());

  auto loaded = std::make_shared<LoadedCertificate>();
  // Whether clients need the others is for them to know.
  for (std::size_t i = 1; i < chain.size(); ++i) {
    if (auto fault = time_fault(name, *chain[i], now); !fault.empty()) loaded->warnings.push_back(std::move(fault));
  }
  if (!source.ocsp_response_file.empty()) {
    const X509* issuer = chain.size() > 1 ? chain[1].get() : nullptr;
    auto ocsp = read_ocsp_response(source.ocsp_response_file, *chain.front(), issuer);
    if (!ocsp) return std::move(ocsp).error();
    if (!ocsp->warning.empty()) loaded->warnings.push_back(std::move(ocsp->warning));
    loaded->ocsp = *std::move(ocsp);
  }
  loaded->name = name;
  loaded->private_key = *std::move(key);
  loaded->names = *std::move(names);
  loaded->subject = subject_of(*chain.front());
  loaded->expires = first_end(chain, now);
  loaded->certificate = std::move(chain.front());
  loaded->chain = stack_of_rest(chain);
  if (!loaded->chain) return openssl_error(Errc::invalid_configuration, name);
  return std::shared_ptr<const LoadedCertificate>(std::move(loaded));
}

}  // namespace

Result<Certificate> Certificate::load(const CertificateSource& source) {
  auto loaded = tls::load(source);
  if (!loaded) return std::move(loaded).error();
  return Certificate(*std::move(loaded));
}

const std::vector<std::string>& Certificate::names() const noexcept { return loaded_->names; }

const std::string& Certificate::subject() const noexcept { return loaded_->subject; }

std::chrono::system_clock::time_point Certificate::expires() const noexcept { return loaded_->expires; }

const std::vector<std::string>& Certificate::warnings() const noexcept { return loaded_->warnings; }

}  // namespace tidewire::tls
