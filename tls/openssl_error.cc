#include <tidewire/tls/openssl_error.h>

namespace tidewire::tls {
namespace {

/// Whether an entry only says that a part of OpenSSL was told of an error by another ("PEM lib", "nested asn1 error").
/// Most of these are the common reasons with small numbers, which are those of the parts.
bool only_passes_on(unsigned long entry) noexcept {
  constexpr int first_of_its_own = 100;
  const int reason = ERR_GET_REASON(entry);
  if (reason == ERR_R_NESTED_ASN1_ERROR) return true;
  if ((reason & ERR_RFLAG_COMMON) == 0 || (reason & ERR_RFLAG_FATAL) != 0) return false;
  return (reason & ~(ERR_RFLAG_COMMON | ERR_RFLAG_FATAL)) < first_of_its_own;
}

/// An alert is the peer's word, and OpenSSL's text for it begins with a protocol that nobody spoke.
std::string peers_word(std::string_view reason) {
  for (const std::string_view prefix : {"sslv3 alert ", "tlsv1 alert ", "tlsv13 alert "}) {
    if (reason.starts_with(prefix)) return "the peer says: " + std::string(reason.substr(prefix.size()));
  }
  return std::string(reason);
}

std::string reason_of(unsigned long entry, const char* data, int flags) {
  if (ERR_SYSTEM_ERROR(entry)) return std::generic_category().message(ERR_GET_REASON(entry));
  if (ERR_GET_LIB(entry) == ERR_LIB_USER && (flags & ERR_TXT_STRING) != 0) return data;
  const char* reason = ERR_reason_error_string(entry);
  return reason != nullptr ? peers_word(reason) : "OpenSSL's error " + std::to_string(entry);
}

}  // namespace

Error openssl_error(Errc code, std::string_view what) {
  std::string reason;
  bool is_telling = false;
  bool ran_out = false;
  const char* data = nullptr;
  int flags = 0;
  while (const unsigned long entry = ERR_get_error_all(nullptr, nullptr, nullptr, &data, &flags)) {
    ran_out |= !ERR_SYSTEM_ERROR(entry) && ERR_GET_REASON(entry) == ERR_R_MALLOC_FAILURE;
    if (is_telling) continue;
    is_telling = !only_passes_on(entry);
    if (is_telling || reason.empty()) reason = reason_of(entry, data, flags);
  }
  std::string detail(what);
  if (ran_out) return {std::make_error_code(std::errc::not_enough_memory), std::move(detail)};
  if (!reason.empty()) detail += (detail.empty() ? "" : ": ") + reason;
  return {make_error_code(code), std::move(detail)};
}

void raise_openssl_error(const char* reason) noexcept {
  ERR_raise_data(ERR_LIB_USER, ERR_R_OPERATION_FAIL, "%s", reason);
}

}  // namespace tidewire::tls
