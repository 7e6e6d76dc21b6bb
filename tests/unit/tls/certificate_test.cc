#include <doctest/doctest.h>
#include <support/certificates.h>
#include <tidewire/tls/certificate.h>
#include <string>
#include <vector>

using namespace tidewire;
using namespace tidewire::testing;
using namespace tidewire::tls;

namespace {

Result<Certificate> load(const std::string& chain, const std::string& private_key) {
  return Certificate::load({.certificate = chain, .private_key = private_key});
}

std::string error(const Result<Certificate>& loaded) {
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().code == Errc::invalid_configuration);
  return loaded.error().detail;
}

struct Hierarchy {
  Authority root{"Root"};
  Authority between{"Between", root};
  Issued leaf = between.issue({.common_name = "leaf", .dns_names = {"Leaf.example", "*.leaf.example"}});
};

}  // namespace

TEST_CASE("a certificate and its key are loaded from memory and from files") {
  const Hierarchy made;
  const auto from_memory = load(made.leaf.certificate, made.leaf.private_key);
  REQUIRE(from_memory);
  CHECK(from_memory->subject() == "CN=leaf");
  CHECK(from_memory->names() == std::vector<std::string>{"leaf.example", "*.leaf.example"});

  const TemporaryFolder folder;
  const auto from_files = Certificate::load({.certificate_file = folder.file("cert.pem", made.leaf.certificate),
                                             .private_key_file = folder.file("key.pem", made.leaf.private_key)});
  REQUIRE(from_files);
  CHECK(from_files->subject() == "CN=leaf");
}

TEST_CASE("a chain is loaded with and without its root; the first end of it counts") {
  const Hierarchy made;
  const std::string chain = made.leaf.certificate + made.between.certificate();
  CHECK(load(chain, made.leaf.private_key));
  const auto whole = load(chain + made.root.certificate(), made.leaf.private_key);
  REQUIRE(whole);
  const auto left = whole->expires() - std::chrono::system_clock::now();
  CHECK(left > Days(29));
  CHECK(left <= Days(30));
  const Issued longer = made.between.issue({.ends = Days(300)});
  CHECK(load(longer.certificate + made.between.certificate(), longer.private_key).value().expires() <=
        std::chrono::system_clock::now() + Days(30));
}

TEST_CASE("a chain out of order, or with a gap, is an error") {
  const Hierarchy made;
  CHECK(error(load(made.between.certificate() + made.leaf.certificate, made.leaf.private_key)) ==
        "certificate: certificate 2 (CN=leaf) did not issue the one before it (CN=Between): the chain is out of order, "
        "or lacks one");
  CHECK(error(load(made.leaf.certificate + made.root.certificate(), made.leaf.private_key)) ==
        "certificate: certificate 2 (CN=Root) did not issue the one before it (CN=leaf): the chain is out of order, or "
        "lacks one");
  CHECK(error(load(made.leaf.certificate + made.leaf.certificate, made.leaf.private_key))
            .starts_with("certificate: certificate 2 (CN=leaf) did not issue"));
}

TEST_CASE("an issuer of the right name whose key did not sign is an error") {
  const Hierarchy made;
  const Authority impostor("Between", made.root);
  CHECK(error(load(made.leaf.certificate + impostor.certificate(), made.leaf.private_key))
            .starts_with("certificate: certificate 2 (CN=Between) did not issue"));
}

TEST_CASE("the key of another certificate is an error, of the same kind and of another") {
  const Hierarchy made;
  const Issued other = self_signed();
  CHECK(error(load(made.leaf.certificate, other.private_key)) == "private key: is not the key of certificate");
  const Issued rsa = self_signed({.key = KeyKind::rsa});
  CHECK(error(load(made.leaf.certificate, rsa.private_key)) == "private key: is not the key of certificate");
  CHECK(load(rsa.certificate, rsa.private_key));
}

TEST_CASE("a certificate that has expired, or isn't valid yet, is an error with the date") {
  const Issued expired = self_signed({.common_name = "old", .begins = Days(-10), .ends = Days(-2)});
  CHECK(error(load(expired.certificate, expired.private_key))
            .starts_with("certificate: the certificate of CN=old expired on 20"));
  const Issued early = self_signed({.common_name = "new", .begins = Days(2)});
  CHECK(error(load(early.certificate, early.private_key))
            .starts_with("certificate: the certificate of CN=new is not valid before 20"));
}

TEST_CASE("another certificate of the chain that has expired is a warning, and what is valid counts for the end") {
  const Authority root("Root");
  const Authority crossed("Crossed", root, Days(-2));
  const Issued leaf = crossed.issue({.common_name = "leaf", .ends = Days(20)});
  const auto loaded = load(leaf.certificate + crossed.certificate(), leaf.private_key);
  REQUIRE(loaded);
  REQUIRE(loaded->warnings().size() == 1);
  CHECK(loaded->warnings().front().starts_with("certificate: the certificate of CN=Crossed expired on 20"));
  CHECK(loaded->expires() > std::chrono::system_clock::now() + Days(19));
  CHECK(load(leaf.certificate, leaf.private_key)->warnings().empty());
}

TEST_CASE("a certificate without an end of its own is good until the clock's") {
  const Issued eternal = self_signed({.ends = Days(365 * 7000)});
  CHECK(load(eternal.certificate, eternal.private_key).value().expires() >
        std::chrono::system_clock::now() + Days(365 * 100));
}

TEST_CASE("errors name the file that is wrong") {
  const Hierarchy made;
  const TemporaryFolder folder;
  const std::string cert = folder.file("cert.pem", made.leaf.certificate);
  const std::string der = folder.file("cert.der", certificate_in_der(made.leaf.certificate));
  const std::string key = folder.file("key.pem", encrypted_key(made.leaf.private_key, "open sesame"));
  const std::string other = folder.file("other.pem", self_signed().private_key);
  const auto load_files = [](const std::string& certificate, const std::string& private_key) {
    return error(Certificate::load({.certificate_file = certificate, .private_key_file = private_key}));
  };
  CHECK(load_files(folder.path("none"), key) == folder.path("none") + ": No such file or directory");
  CHECK(load_files(der, key) == der + ": is DER, not PEM: convert it with `openssl x509 -inform der`");
  CHECK(load_files(cert, key) == key + ": is encrypted, and there is no passphrase for it");
  CHECK(load_files(cert, other) == other + ": is not the key of " + cert);
  CHECK(load_files(cert, "") == "private key: neither a file nor a text is given");
  CHECK(load_files("", key) == "certificate: neither a file nor a text is given");
}

TEST_CASE("an encrypted key is opened by the passphrase's callback") {
  const Hierarchy made;
  const auto with = [&](const std::string& passphrase) {
    return Certificate::load({.certificate = made.leaf.certificate,
                              .private_key = encrypted_key(made.leaf.private_key, "open sesame"),
                              .passphrase = [&](std::string_view) { return passphrase; }});
  };
  CHECK(with("open sesame"));
  CHECK(error(with("open barley")) == "private key: the passphrase is wrong");
}

TEST_CASE("names that are given take the place of the certificate's, in lower case") {
  const Hierarchy made;
  const auto with = [&](std::vector<std::string> names) {
    return Certificate::load(
        {.certificate = made.leaf.certificate, .private_key = made.leaf.private_key, .names = std::move(names)});
  };
  CHECK(with({"Other.example", "*.Other.example"}).value().names() ==
        std::vector<std::string>{"other.example", "*.other.example"});
  CHECK(error(with({"a b"})) == "names: \"a b\" is no host name, and no \"*.\" and one");
  for (const char* wrong : {"", "*", "*.", "a.*.b", "a*.b", "a..b", ".a", "a.", "a/b", "bücher.example"}) {
    CAPTURE(wrong);
    CHECK_FALSE(with({wrong}));
  }
}

TEST_CASE("an OCSP response is loaded with its certificate, and refused with another") {
  const Hierarchy made;
  const TemporaryFolder folder;
  const auto with = [&](const std::string& response) {
    return Certificate::load({.certificate = made.leaf.certificate,
                              .private_key = made.leaf.private_key,
                              .ocsp_response_file = folder.file("ocsp", response)});
  };
  CHECK(with(made.between.ocsp_response(made.leaf)));
  CHECK_FALSE(with(made.between.ocsp_response(made.between.issue())));
}
