#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <support/certificates.h>
#include <tidewire/tls/openssl_types.h>
#include <atomic>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace tidewire::testing {

using namespace tls;

namespace {

void check(bool worked) {
  if (!worked) throw std::runtime_error("a test's certificate could not be made");
}

std::string contents(const BioPtr& memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

template <class Write>
std::string written(Write write) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  check(out && write(out.get()) == 1);
  return contents(out);
}

BioPtr reader(const std::string& text) { return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

X509Ptr read_certificate(const std::string& pem) {
  X509Ptr certificate(PEM_read_bio_X509(reader(pem).get(), nullptr, nullptr, nullptr));
  check(certificate != nullptr);
  return certificate;
}

EvpPkeyPtr read_key(const std::string& pem) {
  EvpPkeyPtr key(PEM_read_bio_PrivateKey(reader(pem).get(), nullptr, nullptr, nullptr));
  check(key != nullptr);
  return key;
}

std::string in_pem(X509* certificate) {
  return written([&](BIO* out) { return PEM_write_bio_X509(out, certificate); });
}

std::string in_pem(EVP_PKEY* key) {
  return written([&](BIO* out) { return PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr); });
}

EvpPkeyPtr make_key(KeyKind kind) {
  EvpPkeyPtr key;
  if (kind == KeyKind::ec) key.reset(EVP_EC_gen("P-256"));
  if (kind == KeyKind::rsa) key.reset(EVP_RSA_gen(2048));
  if (kind == KeyKind::weak_rsa) key.reset(EVP_RSA_gen(1024));
  check(key != nullptr);
  return key;
}

long seconds(Days days) { return static_cast<long>(std::chrono::seconds(days).count()); }

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  check(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

/// A certificate with all but its issuer's extension and signature.
X509Ptr make_certificate(const CertificateSpec& spec, EVP_PKEY* key, X509* issuer) {
  static std::atomic<long> last_serial = 1000;
  X509Ptr made(X509_new());
  X509* certificate = made.get();
  check(certificate != nullptr && X509_set_version(certificate, X509_VERSION_3) == 1);
  check(ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++last_serial) == 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), seconds(spec.begins));
  X509_gmtime_adj(X509_getm_notAfter(certificate), seconds(spec.ends));
  const auto* name = reinterpret_cast<const unsigned char*>(spec.common_name.data());
  check(X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName, MBSTRING_UTF8, name,
                                   static_cast<int>(spec.common_name.size()), -1, 0) == 1);
  check(X509_set_issuer_name(certificate, X509_get_subject_name(issuer != nullptr ? issuer : certificate)) == 1);
  check(X509_set_pubkey(certificate, key) == 1);
  std::string names;
  for (const std::string& each : spec.dns_names) names += (names.empty() ? "DNS:" : ",DNS:") + each;
  for (const std::string& each : spec.addresses) names += (names.empty() ? "IP:" : ",IP:") + each;
  if (!names.empty()) add_extension(certificate, certificate, NID_subject_alt_name, names);
  add_extension(certificate, certificate, NID_subject_key_identifier, "hash");
  return made;
}

void sign(X509* certificate, X509* issuer, EVP_PKEY* key, bool is_authority) {
  add_extension(certificate, issuer, NID_authority_key_identifier, "keyid");
  if (is_authority) {
    add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(certificate, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
  }
  check(X509_sign(certificate, key, EVP_sha256()) > 0);
}

using TimePtr = OpensslPtr<ASN1_TIME, ASN1_STRING_free>;

TimePtr from_now(Days days) { return TimePtr(X509_gmtime_adj(nullptr, seconds(days))); }

std::string in_der(OCSP_RESPONSE* response) {
  unsigned char* data = nullptr;
  const int size = i2d_OCSP_RESPONSE(response, &data);
  check(size > 0);
  std::string der(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
  OPENSSL_free(data);
  return der;
}

}  // namespace

struct Authority::Identity {
  X509Ptr certificate;
  EvpPkeyPtr key;
};

Authority::Authority(const std::string& name) : identity_(std::make_unique<Identity>()) {
  identity_->key = make_key(KeyKind::ec);
  identity_->certificate = make_certificate({.common_name = name}, identity_->key.get(), nullptr);
  sign(identity_->certificate.get(), identity_->certificate.get(), identity_->key.get(), true);
}

Authority::Authority(const std::string& name, const Authority& issuer, Days ends)
    : identity_(std::make_unique<Identity>()) {
  X509* above = issuer.identity_->certificate.get();
  identity_->key = make_key(KeyKind::ec);
  identity_->certificate =
      make_certificate({.common_name = name, .begins = Days(-20), .ends = ends}, identity_->key.get(), above);
  sign(identity_->certificate.get(), above, issuer.identity_->key.get(), true);
}

Authority::Authority(Authority&&) noexcept = default;
Authority& Authority::operator=(Authority&&) noexcept = default;
Authority::~Authority() = default;

std::string Authority::certificate() const { return in_pem(identity_->certificate.get()); }

Issued Authority::issue(const CertificateSpec& spec) const {
  X509* issuer = identity_->certificate.get();
  const EvpPkeyPtr key = make_key(spec.key);
  const X509Ptr certificate = make_certificate(spec, key.get(), issuer);
  sign(certificate.get(), issuer, identity_->key.get(), false);
  return {in_pem(certificate.get()), in_pem(key.get())};
}

std::string Authority::revocation_list(const std::vector<Issued>& revoked, Days ends) const {
  const X509CrlPtr list(X509_CRL_new());
  check(list && X509_CRL_set_version(list.get(), X509_CRL_VERSION_2) == 1);
  check(X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(identity_->certificate.get())) == 1);
  check(X509_CRL_set1_lastUpdate(list.get(), from_now(Days(-1)).get()) == 1);
  check(X509_CRL_set1_nextUpdate(list.get(), from_now(ends).get()) == 1);
  for (const Issued& each : revoked) {
    const X509Ptr certificate = read_certificate(each.certificate);
    X509_REVOKED* entry = X509_REVOKED_new();
    check(entry != nullptr);
    check(X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(certificate.get())) == 1);
    check(X509_REVOKED_set_revocationDate(entry, from_now(Days(-1)).get()) == 1);
    check(X509_CRL_add0_revoked(list.get(), entry) == 1);
  }
  X509_CRL_sort(list.get());
  check(X509_CRL_sign(list.get(), identity_->key.get(), EVP_sha256()) > 0);
  return written([&](BIO* out) { return PEM_write_bio_X509_CRL(out, list.get()); });
}

std::string Authority::ocsp_response(const Issued& about, Days ends, OcspStatus status) const {
  const X509Ptr certificate = read_certificate(about.certificate);
  X509* issuer = identity_->certificate.get();
  using IdPtr = OpensslPtr<OCSP_CERTID, OCSP_CERTID_free>;
  const IdPtr id(OCSP_cert_to_id(EVP_sha1(), certificate.get(), issuer));
  const OcspBasicResponsePtr answers(OCSP_BASICRESP_new());
  check(id && answers);
  static_assert(static_cast<int>(OcspStatus::unknown) == V_OCSP_CERTSTATUS_UNKNOWN, "as OpenSSL numbers them");
  const TimePtr since = from_now(Days(-3));
  check(OCSP_basic_add1_status(answers.get(), id.get(), static_cast<int>(status), 0,
                               status == OcspStatus::revoked ? since.get() : nullptr, from_now(Days(-2)).get(),
                               from_now(ends).get()) != nullptr);
  check(OCSP_basic_sign(answers.get(), issuer, identity_->key.get(), EVP_sha256(), nullptr, 0) == 1);
  const OcspResponsePtr response(OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, answers.get()));
  return in_der(response.get());
}

Issued self_signed(const CertificateSpec& spec) {
  const EvpPkeyPtr key = make_key(spec.key);
  const X509Ptr certificate = make_certificate(spec, key.get(), nullptr);
  sign(certificate.get(), certificate.get(), key.get(), false);
  return {in_pem(certificate.get()), in_pem(key.get())};
}

std::string ocsp_refusal() {
  const OcspResponsePtr response(OCSP_response_create(OCSP_RESPONSE_STATUS_TRYLATER, nullptr));
  return in_der(response.get());
}

std::string encrypted_key(const std::string& private_key, const std::string& passphrase) {
  const EvpPkeyPtr key = read_key(private_key);
  return written([&](BIO* out) {
    return PEM_write_bio_PKCS8PrivateKey(out, key.get(), EVP_aes_256_cbc(), passphrase.data(),
                                         static_cast<int>(passphrase.size()), nullptr, nullptr);
  });
}

std::string certificate_in_der(const std::string& certificate) {
  const X509Ptr read = read_certificate(certificate);
  return written([&](BIO* out) { return i2d_X509_bio(out, read.get()); });
}

std::string key_in_der(const std::string& private_key) {
  const EvpPkeyPtr key = read_key(private_key);
  return written([&](BIO* out) { return i2d_PrivateKey_bio(out, key.get()); });
}

std::string in_pkcs12(const Issued& issued) {
  using Pkcs12Ptr = OpensslPtr<PKCS12, PKCS12_free>;
  const Pkcs12Ptr bundle(PKCS12_create("secret", "test", read_key(issued.private_key).get(),
                                       read_certificate(issued.certificate).get(), nullptr, 0, 0, 0, 0, 0));
  check(bundle != nullptr);
  return written([&](BIO* out) { return i2d_PKCS12_bio(out, bundle.get()); });
}

TemporaryFolder::TemporaryFolder() { check(::mkdtemp(path_.data()) != nullptr); }

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::file(const std::string& name, const std::string& contents) const {
  std::ofstream out(path(name), std::ios::binary | std::ios::trunc);
  out << contents;
  check(out.good());
  return path(name);
}

}  // namespace tidewire::testing
