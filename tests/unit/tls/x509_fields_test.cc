#include <openssl/asn1.h>
#include <openssl/pem.h>

#include <doctest/doctest.h>
#include <support/certificates.h>
#include <tidewire/tls/openssl_types.h>
#include <tidewire/tls/pem.h>
#include <tidewire/tls/x509_fields.h>
#include <string>
#include <vector>

using namespace tidewire;
using namespace tidewire::testing;
using namespace tidewire::tls;

namespace {

X509Ptr certificate_of(const CertificateSpec& spec) {
  auto read = certificates_in(PemText("it", self_signed(spec).certificate)).value();
  return std::move(read.front());
}

std::chrono::system_clock::time_point time_of(const char* text) {
  const OpensslPtr<ASN1_TIME, ASN1_TIME_free> time(ASN1_TIME_new());
  REQUIRE(ASN1_TIME_set_string(time.get(), text) == 1);
  return tls::time_of(*time);
}

}  // namespace

TEST_CASE("a subject is one line, in which letters beyond ASCII stay and control characters do not") {
  CHECK(subject_of(*certificate_of({.common_name = "example.org"})) == "CN=example.org");
  CHECK(subject_of(*certificate_of({.common_name = "Größe"})) == "CN=Größe");
  CHECK(subject_of(*certificate_of({.common_name = "a\nb"})) == "CN=a\\0Ab");
}

TEST_CASE("server names are the DNS names in lower case; others are left out") {
  const X509Ptr certificate = certificate_of(
      {.dns_names = {"Example.ORG", "*.example.org", "xn--bcher-kva.example", "a b", "*"}, .addresses = {"127.0.0.1"}});
  CHECK(server_names_of(*certificate) ==
        std::vector<std::string>{"example.org", "*.example.org", "xn--bcher-kva.example"});
  CHECK(server_names_of(*certificate_of({})).empty());
}

TEST_CASE("times are read, and cut to what the clock can say") {
  using Clock = std::chrono::system_clock;
  CHECK(Clock::to_time_t(time_of("20260131120000Z")) == 1769860800);
  CHECK(Clock::to_time_t(time_of("260131120000Z")) == 1769860800);
  CHECK(time_of("99991231235959Z") > Clock::now() + std::chrono::hours(24 * 365 * 200));
  CHECK(time_of("00010101000000Z") < Clock::now() - std::chrono::hours(24 * 365 * 200));
}

TEST_CASE("a time is a date for people") {
  CHECK(time_text(std::chrono::system_clock::from_time_t(1769860800)) == "2026-01-31 12:00 UTC");
}
