#include <openssl/x509v3.h>
#include <tidewire/tls/openssl_types.h>
#include <tidewire/tls/server_names.h>
#include <tidewire/tls/x509_fields.h>
#include <algorithm>
#include <ctime>

namespace tidewire::tls {

std::string name_text(const X509_NAME& name) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  // Its characters are UTF-8 as they are, without RFC 2253's escapes for those beyond ASCII.
  constexpr unsigned long form = XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
  if (!out || X509_NAME_print_ex(out.get(), &name, 0, form) < 0) return {};
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

std::vector<std::string> server_names_of(const X509& certificate) {
  using Names = OpensslPtr<GENERAL_NAMES, GENERAL_NAMES_free>;
  const Names all(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::vector<std::string> names;
  for (int i = 0; all && i < sk_GENERAL_NAME_num(all.get()); ++i) {
    int type = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all.get(), i), &type);
    if (type != GEN_DNS) continue;
    const auto* text = static_cast<const ASN1_STRING*>(value);
    std::string name = lower_case({reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                                   static_cast<std::size_t>(ASN1_STRING_length(text))});
    if (is_server_name(name)) names.push_back(std::move(name));
  }
  return names;
}

std::chrono::system_clock::time_point time_of(const ASN1_TIME& time) noexcept {
  using Clock = std::chrono::system_clock;
  constexpr auto first = std::chrono::ceil<std::chrono::seconds>(Clock::time_point::min());
  constexpr auto last = std::chrono::floor<std::chrono::seconds>(Clock::time_point::max());
  std::tm fields{};
  if (ASN1_TIME_to_tm(&time, &fields) != 1) return first;
  return std::clamp(std::chrono::sys_seconds(std::chrono::seconds(::timegm(&fields))), first, last);
}

std::string time_text(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm fields{};
  char text[sizeof "-2147483648-12-31 23:59 UTC"];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", ::gmtime_r(&seconds, &fields));
  return {text, size};
}

}  // namespace tidewire::tls
