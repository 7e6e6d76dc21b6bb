#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/x509v3.h>
#include <tidewire/tls/openssl_types.h>
#include <tidewire/tls/peer_certificate.h>
#include <tidewire/tls/x509_fields.h>
#include <new>
#include <string_view>

namespace tidewire::tls {
namespace {

using GeneralNamesPtr = OpensslPtr<GENERAL_NAMES, GENERAL_NAMES_free>;
using NumberPtr = OpensslPtr<BIGNUM, BN_free>;

struct MemoryDelete {
  void operator()(void* memory) const noexcept { OPENSSL_free(memory); }
};

template <class T>
T* checked(T* pointer) {
  if (pointer == nullptr) throw std::bad_alloc();
  return pointer;
}

std::string common_name_of(const X509_NAME* name) {
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) return {};
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
  if (size < 0) return {};
  const std::unique_ptr<unsigned char, MemoryDelete> owned(text);
  return {reinterpret_cast<const char*>(text), static_cast<std::size_t>(size)};
}

std::string hexadecimal(const ASN1_INTEGER* number) {
  const NumberPtr big(checked(ASN1_INTEGER_to_BN(number, nullptr)));
  const std::unique_ptr<char, MemoryDelete> text(checked(BN_bn2hex(big.get())));
  return text.get();
}

std::string address_of(const ASN1_OCTET_STRING* bytes) {
  char text[INET6_ADDRSTRLEN] = {};
  const int family = ASN1_STRING_length(bytes) == 4 ? AF_INET : AF_INET6;
  if (ASN1_STRING_length(bytes) != (family == AF_INET ? 4 : 16)) return {};
  return inet_ntop(family, ASN1_STRING_get0_data(bytes), text, sizeof text) != nullptr ? text : "";
}

std::string text_of(const GENERAL_NAME& name) {
  const auto text = [](const ASN1_IA5STRING* string) {
    return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
                       static_cast<std::size_t>(ASN1_STRING_length(string)));
  };
  switch (name.type) {
    case GEN_DNS:
      return "DNS:" + text(name.d.dNSName);
    case GEN_EMAIL:
      return "email:" + text(name.d.rfc822Name);
    case GEN_URI:
      return "URI:" + text(name.d.uniformResourceIdentifier);
    case GEN_IPADD:
      return "IP:" + address_of(name.d.iPAddress);
    default:
      return {};
  }
}

std::vector<std::string> alternative_names_of(const X509& certificate) {
  std::vector<std::string> all;
  const GeneralNamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
  for (int index = 0; index < count; ++index) {
    std::string text = text_of(*sk_GENERAL_NAME_value(names.get(), index));
    if (!text.empty()) all.push_back(std::move(text));
  }
  return all;
}

}  // namespace

PeerCertificate PeerCertificate::from(X509& certificate) {
  PeerCertificate made;
  made.subject = subject_of(certificate);
  made.common_name = common_name_of(X509_get_subject_name(&certificate));
  made.issuer = name_text(*X509_get_issuer_name(&certificate));
  made.serial = hexadecimal(X509_get0_serialNumber(&certificate));
  made.alternative_names = alternative_names_of(certificate);
  made.not_before = time_of(*X509_get0_notBefore(&certificate));
  made.not_after = time_of(*X509_get0_notAfter(&certificate));
  made.sha256 = {};
  X509_digest(&certificate, EVP_sha256(), reinterpret_cast<unsigned char*>(made.sha256.data()), nullptr);
  return made;
}

}  // namespace tidewire::tls
