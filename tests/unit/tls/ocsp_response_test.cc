#include <doctest/doctest.h>
#include <support/certificates.h>
#include <tidewire/tls/ocsp_response.h>
#include <tidewire/tls/pem.h>

using namespace tidewire;
using namespace tidewire::testing;
using namespace tidewire::tls;

namespace {

struct Ocsp {
  Authority root{"Root"};
  Issued issued = root.issue({.common_name = "example.org"});
  TemporaryFolder folder;

  [[nodiscard]] Result<OcspResponse> read(const std::string& response) const {
    const auto chain = certificates_in(PemText("it", issued.certificate + root.certificate())).value();
    return read_ocsp_response(folder.file("it.ocsp", response), *chain[0], chain[1].get());
  }
  [[nodiscard]] std::string error(const std::string& response) const {
    const auto result = read(response);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == Errc::invalid_configuration);
    const std::string file = folder.path("it.ocsp") + ": ";
    REQUIRE(result.error().detail.starts_with(file));
    return result.error().detail.substr(file.size());
  }
};

}  // namespace

TEST_CASE("a response for the certificate is read as it is") {
  const Ocsp ocsp;
  const std::string der = ocsp.root.ocsp_response(ocsp.issued);
  const auto response = ocsp.read(der);
  REQUIRE(response);
  CHECK(response->der == der);
  CHECK(response->is_current());
}

TEST_CASE("a response past its next update is read, and is not current") {
  const Ocsp ocsp;
  const auto response = ocsp.read(ocsp.root.ocsp_response(ocsp.issued, Days(-1)));
  REQUIRE(response);
  CHECK_FALSE(response->is_current());
  CHECK_FALSE(OcspResponse().is_current());
}

TEST_CASE("a response by which the certificate is revoked is refused") {
  const Ocsp ocsp;
  CHECK(ocsp.error(ocsp.root.ocsp_response(ocsp.issued, Days(7), OcspStatus::revoked))
            .starts_with("by the OCSP response the certificate of CN=example.org is revoked since 20"));
}

TEST_CASE("a response that does not know the certificate is left out, with a warning") {
  const Ocsp ocsp;
  const auto response = ocsp.read(ocsp.root.ocsp_response(ocsp.issued, Days(7), OcspStatus::unknown));
  REQUIRE(response);
  CHECK(response->der.empty());
  CHECK_FALSE(response->is_current());
  CHECK(response->warning.ends_with(
      "the OCSP response does not know the certificate of CN=example.org, and is not stapled"));
}

TEST_CASE("a response for another certificate, or of another issuer, is refused") {
  const Ocsp ocsp;
  const Issued other = ocsp.root.issue();
  CHECK(ocsp.error(ocsp.root.ocsp_response(other)) == "the OCSP response is not for the certificate of CN=example.org");
  const Authority another("Another");
  CHECK(ocsp.error(another.ocsp_response(ocsp.issued)) ==
        "the OCSP response is not for the certificate of CN=example.org");
}

TEST_CASE("without the issuer at hand its name must do") {
  const Ocsp ocsp;
  const auto chain = certificates_in(PemText("it", ocsp.issued.certificate)).value();
  const auto read = [&](const std::string& response) {
    return read_ocsp_response(ocsp.folder.file("it.ocsp", response), *chain[0], nullptr);
  };
  CHECK(read(ocsp.root.ocsp_response(ocsp.issued)));
  CHECK(read(Authority("Another").ocsp_response(ocsp.issued)));
  CHECK_FALSE(read(ocsp.root.ocsp_response(ocsp.root.issue())));
}

TEST_CASE("what is no response, or one without an answer, is refused") {
  const Ocsp ocsp;
  CHECK(ocsp.error("hello") == "is no OCSP response in DER");
  CHECK(ocsp.error("") == "is no OCSP response in DER");
  CHECK(ocsp.error(ocsp_refusal()) == "the OCSP responder gave no answer, but: trylater");
}
