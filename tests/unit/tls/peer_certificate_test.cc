#include <doctest/doctest.h>
#include <openssl/pem.h>
#include <support/certificates.h>
#include <tidewire/tls/openssl_types.h>
#include <tidewire/tls/peer_certificate.h>
#include <algorithm>
#include <chrono>
#include <cstddef>

using namespace tidewire;
using namespace tidewire::testing;
using tls::PeerCertificate;

namespace {

PeerCertificate parsed(const std::string& pem) {
  const tls::BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const tls::X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  REQUIRE(certificate);
  return PeerCertificate::from(*certificate);
}

}  // namespace

TEST_CASE("a peer's certificate says whom it is for, and who said so") {
  const Authority authority("The Authority");
  const PeerCertificate ana = parsed(authority
                                         .issue({.common_name = "Ana",
                                                 .dns_names = {"ana.example", "*.ana.example"},
                                                 .addresses = {"192.0.2.7", "2001:db8::1"}})
                                         .certificate);
  CHECK(ana.subject == "CN=Ana");
  CHECK(ana.common_name == "Ana");
  CHECK(ana.issuer == "CN=The Authority");
  CHECK(ana.alternative_names ==
        std::vector<std::string>{"DNS:ana.example", "DNS:*.ana.example", "IP:192.0.2.7", "IP:2001:db8::1"});
}

TEST_CASE("names are one line, whatever is in them, and not to be taken for others") {
  const PeerCertificate odd = parsed(self_signed({.common_name = "Ana,O=Bank\nx"}).certificate);
  CHECK(odd.common_name == "Ana,O=Bank\nx");
  CHECK(odd.subject == "CN=Ana\\,O=Bank\\0Ax");
  CHECK(parsed(self_signed({.common_name = "Grüße"}).certificate).common_name == "Grüße");
}

TEST_CASE("serial numbers are in hexadecimal, and fingerprints differ") {
  const PeerCertificate one = parsed(self_signed().certificate);
  const PeerCertificate other = parsed(self_signed().certificate);
  CHECK_FALSE(one.serial.empty());
  CHECK(std::all_of(one.serial.begin(), one.serial.end(),
                    [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); }));
  CHECK(one.sha256 != other.sha256);
  CHECK(one.sha256 != std::array<std::byte, 32>{});
}

TEST_CASE("it is valid from and until") {
  const PeerCertificate certificate = parsed(self_signed({.begins = Days(-2), .ends = Days(3)}).certificate);
  const auto now = std::chrono::system_clock::now();
  CHECK(certificate.not_before < now - Days(1));
  CHECK(certificate.not_before > now - Days(3));
  CHECK(certificate.not_after > now + Days(2));
  CHECK(certificate.not_after < now + Days(4));
}
