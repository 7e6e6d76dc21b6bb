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

Result<void> check_times(const std::string& name, const Chain& chain) {
  const TimePoint now = std::chrono::system_clock::now();
  for (const X509Ptr& certificate : chain) {
    const TimePoint begin = time_of(*X509_get0_notBefore(certificate.get()));
    const TimePoint end = time_of(*X509_get0_notAfter(certificate.get()));
    const auto wrong = [&](std::string_view how, TimePoint when) {
      return unusable(name + ": the certificate of " + subject_of(*certificate) + std::string(how) + time_text(when));
    };
    if (now < begin) return wrong(" is not valid before ", begin);
    if (now >= end) return wrong(" expired on ", end);
  }
  return {};
}

TimePoint first_end(const Chain& chain) {
  TimePoint first = TimePoint::max();
  for (const X509Ptr& certificate : chain) first = std::min(first, time_of(*X509_get0_notAfter(certificate.get())));
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
  if (auto valid = check_times(name, chain); !valid) return std::move(valid).error();
  auto names = lower_names(source.names);
  if (!names) return std::move(names).error();
  if (names->empty()) *names = server_names_of(*chain.front());

  auto loaded = std::make_shared<LoadedCertificate>();
  if (!source.ocsp_response_file.empty()) {
    const X509* issuer = chain.size() > 1 ? chain[1].get() : nullptr;
    auto ocsp = read_ocsp_response(source.ocsp_response_file, *chain.front(), issuer);
    if (!ocsp) return std::move(ocsp).error();
    loaded->ocsp = *std::move(ocsp);
  }
  loaded->name = name;
  loaded->private_key = *std::move(key);
  loaded->names = *std::move(names);
  loaded->subject = subject_of(*chain.front());
  loaded->expires = first_end(chain);
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

}  // namespace tidewire::tls
