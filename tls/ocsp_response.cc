#include <tidewire/tls/ocsp_response.h>
#include <tidewire/tls/openssl_error.h>
#include <tidewire/tls/pem.h>
#include <tidewire/tls/x509_fields.h>

namespace tidewire::tls {
namespace {

using Digest = int (*)(const X509*, const EVP_MD*, unsigned char*, unsigned int*);

int digest_of_issuer_name(const X509* certificate, const EVP_MD* method, unsigned char* out, unsigned int* size) {
  return X509_NAME_digest(X509_get_issuer_name(certificate), method, out, size);
}

/// Whether a digest in an answer is that of a certificate's part.
bool matches(const ASN1_OCTET_STRING* answered, const EVP_MD* method, const X509* certificate, Digest digest_of) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (digest_of(certificate, method, digest, &size) != 1) return false;
  const std::string_view ours(reinterpret_cast<const char*>(digest), size);
  return ours == std::string_view(reinterpret_cast<const char*>(ASN1_STRING_get0_data(answered)),
                                  static_cast<std::size_t>(ASN1_STRING_length(answered)));
}

/// RFC 6960 section 4.1.1: a certificate is identified by digests of its issuer's name and key, and its serial number.
bool is_about(const X509& certificate, const X509* issuer, OCSP_SINGLERESP* answer) {
  ASN1_OCTET_STRING* name_digest = nullptr;
  ASN1_OCTET_STRING* key_digest = nullptr;
  ASN1_OBJECT* method_id = nullptr;
  ASN1_INTEGER* serial = nullptr;
  auto* id = const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(answer));
  if (OCSP_id_get0_info(&name_digest, &method_id, &key_digest, &serial, id) != 1) return false;
  const EVP_MD* method = EVP_get_digestbyobj(method_id);
  return method != nullptr && ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(&certificate)) == 0 &&
         matches(name_digest, method, &certificate, digest_of_issuer_name) &&
         (issuer == nullptr || matches(key_digest, method, issuer, X509_pubkey_digest));
}

OCSP_SINGLERESP* answer_about(const X509& certificate, const X509* issuer, OCSP_BASICRESP* answers) {
  for (int i = 0; i < OCSP_resp_count(answers); ++i) {
    OCSP_SINGLERESP* answer = OCSP_resp_get0(answers, i);
    if (is_about(certificate, issuer, answer)) return answer;
  }
  return nullptr;
}

}  // namespace

Result<OcspResponse> read_ocsp_response(const std::string& file, const X509& certificate, const X509* issuer) {
  auto der = read_file(file);
  if (!der) return std::move(der).error();
  const auto* bytes = reinterpret_cast<const unsigned char*>(der->data());
  const OcspResponsePtr response(d2i_OCSP_RESPONSE(nullptr, &bytes, static_cast<long>(der->size())));
  if (!response) {
    clear_openssl_errors();
    return unusable(file + ": is no OCSP response in DER");
  }
  if (const int status = OCSP_response_status(response.get()); status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    return unusable(file + ": the OCSP responder gave no answer, but: " + OCSP_response_status_str(status));
  }
  const OcspBasicResponsePtr answers(OCSP_response_get1_basic(response.get()));
  if (!answers) return openssl_error(Errc::invalid_configuration, file);
  OCSP_SINGLERESP* answer = answer_about(certificate, issuer, answers.get());
  if (answer == nullptr) {
    clear_openssl_errors();
    return unusable(file + ": the OCSP response is not for the certificate of " + subject_of(certificate));
  }
  OcspResponse read{.der = *std::move(der)};
  ASN1_GENERALIZEDTIME* since = nullptr;
  ASN1_GENERALIZEDTIME* due = nullptr;
  const int status = OCSP_single_get0_status(answer, nullptr, &since, nullptr, &due);
  if (status == V_OCSP_CERTSTATUS_REVOKED) {
    return unusable(file + ": by the OCSP response the certificate of " + subject_of(certificate) + " is revoked" +
                    (since != nullptr ? " since " + time_text(time_of(*since)) : std::string()));
  }
  if (status != V_OCSP_CERTSTATUS_GOOD) {
    read.der.clear();
    read.warning = file + ": the OCSP response does not know the certificate of " + subject_of(certificate) +
                   ", and is not stapled";
  }
  if (due != nullptr) read.due = time_of(*due);
  return read;
}

}  // namespace tidewire::tls
