#include <tidewire/tls/client_verification.h>
#include <tidewire/tls/openssl_error.h>
#include <tidewire/tls/pem.h>
#include <tidewire/tls/x509_fields.h>
#include <algorithm>
#include <string_view>

namespace tidewire::tls {
namespace {

using TimePoint = std::chrono::system_clock::time_point;

/// Identifies by a digest what a session's client was verified against.
Result<void> set_session_context(SSL_CTX* context, std::string_view trust) {
  static_assert(SSL_MAX_SID_CTX_LENGTH >= 32, "a SHA-256 digest fits");
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(trust.data(), trust.size(), digest, &size, EVP_sha256(), nullptr) != 1 ||
      SSL_CTX_set_session_id_context(context, digest, size) != 1) {
    return openssl_error(Errc::invalid_configuration, "session context");
  }
  return {};
}

/// The roots are trusted, and named to clients so that they can choose among their certificates.
Result<void> add_roots(const PemText& pem, SSL_CTX* context) {
  auto roots = certificates_in(pem);
  if (!roots) return std::move(roots).error();
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const X509Ptr& root : *roots) {
    if (X509_STORE_add_cert(store, root.get()) != 1 || SSL_CTX_add_client_CA(context, root.get()) != 1) {
      return openssl_error(Errc::invalid_configuration, pem.name());
    }
  }
  return {};
}

/// Returns when the first of them is out of date.
Result<TimePoint> add_revocation_lists(const PemText& pem, SSL_CTX* context) {
  auto lists = revocation_lists_in(pem);
  if (!lists) return std::move(lists).error();
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  TimePoint first_due = TimePoint::max();
  for (const X509CrlPtr& list : *lists) {
    // With a list that is out of date no client is taken any more; better to say so now.
    const ASN1_TIME* next_update = X509_CRL_get0_nextUpdate(list.get());
    const TimePoint due = next_update != nullptr ? time_of(*next_update) : TimePoint::max();
    if (due <= std::chrono::system_clock::now()) {
      return unusable(pem.name() + ": the revocation list of " + name_text(*X509_CRL_get_issuer(list.get())) +
                      " expired on " + time_text(due));
    }
    first_due = std::min(first_due, due);
    if (X509_STORE_add_crl(store, list.get()) != 1) return openssl_error(Errc::invalid_configuration, pem.name());
  }
  X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  return first_due;
}

}  // namespace

Result<TimePoint> verify_clients(const ServerOptions& options, SSL_CTX* context) {
  const bool has_roots = !options.client_ca_file.empty() || !options.client_ca.empty();
  if (options.client_certificates == ClientCertificates::none) {
    if (has_roots) return unusable("client_ca is given, but client_certificates is none");
    if (!options.client_crl_file.empty()) return unusable("client_crl_file is given, but client_certificates is none");
    if (auto set = set_session_context(context, "none"); !set) return std::move(set).error();
    return TimePoint::max();
  }
  auto roots = read_pem(options.client_ca_file, options.client_ca, "client_ca");
  if (!roots) return std::move(roots).error();
  if (auto added = add_roots(*roots, context); !added) return std::move(added).error();
  TimePoint lists_due = TimePoint::max();

  const bool is_required = options.client_certificates == ClientCertificates::require;
  std::string trust = (is_required ? "require" : "request") + std::string(1, '\0') + roots->text();
  if (!options.client_crl_file.empty()) {
    auto lists = read_pem(options.client_crl_file, {}, "client_crl_file");
    if (!lists) return std::move(lists).error();
    auto added = add_revocation_lists(*lists, context);
    if (!added) return added;
    lists_due = *added;
    trust += '\0' + lists->text();
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (is_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  if (auto set = set_session_context(context, trust); !set) return std::move(set).error();
  return lists_due;
}

}  // namespace tidewire::tls
