#include <openssl/err.h>

#include <doctest/doctest.h>
#include <support/certificates.h>
#include <tidewire/tls/pem.h>
#include <stdexcept>
#include <string>

using namespace tidewire;
using namespace tidewire::testing;
using namespace tidewire::tls;

namespace {

PemText named(const std::string& text) { return {"it.pem", text}; }

std::string certificate_error(const std::string& text) {
  const auto read = certificates_in(named(text));
  REQUIRE_FALSE(read);
  CHECK(read.error().code == Errc::invalid_configuration);
  CHECK(ERR_peek_error() == 0);
  return read.error().detail;
}

std::string key_error(const std::string& text, const Passphrase& passphrase = {}) {
  const auto read = private_key_in(named(text), passphrase);
  REQUIRE_FALSE(read);
  CHECK(ERR_peek_error() == 0);
  return read.error().detail;
}

Passphrase always(const std::string& answer) {
  return [answer](std::string_view) { return answer; };
}

}  // namespace

TEST_CASE("a file is read whole; one that can't be is named, with the system's reason") {
  const TemporaryFolder folder;
  const std::string text(100'000, 'x');
  CHECK(read_file(folder.file("long", text)).value() == text);
  CHECK(read_file(folder.file("empty", "")).value().empty());
  const std::string missing = folder.path("missing");
  CHECK(read_file(missing).error().detail == missing + ": No such file or directory");
  CHECK(read_file(folder.path("")).error().detail == folder.path("") + ": Is a directory");
  CHECK(read_file("/dev/zero").error().detail == "/dev/zero: is larger than 64 MiB");
}

TEST_CASE("an option is a file or a text, and not both or neither") {
  const TemporaryFolder folder;
  const std::string file = folder.file("a", "text");
  const auto from_file = read_pem(file, "", "certificate");
  REQUIRE(from_file);
  CHECK(from_file->name() == file);
  CHECK(from_file->text() == "text");
  CHECK(read_pem("", "text", "certificate").value().name() == "certificate");
  CHECK(read_pem("", "", "certificate").error().detail == "certificate: neither a file nor a text is given");
  CHECK(read_pem(file, "text", "certificate").error().detail == "certificate: both a file and a text are given");
}

TEST_CASE("all certificates are read, and what stands between them is skipped") {
  const Issued one = self_signed();
  const Issued other = self_signed();
  CHECK(certificates_in(named("a comment\n" + one.certificate + one.private_key + "\n" + other.certificate))
            .value()
            .size() == 2);
}

TEST_CASE("what is no PEM certificate is told as what it is") {
  const Issued issued = self_signed();
  CHECK(certificate_error("") == "it.pem: is empty");
  CHECK(certificate_error("hello\n") == "it.pem: is not PEM");
  CHECK(certificate_error(issued.private_key) == "it.pem: has no certificate, but: PRIVATE KEY");
  CHECK(certificate_error(certificate_in_der(issued.certificate)) ==
        "it.pem: is DER, not PEM: convert it with `openssl x509 -inform der`");
  CHECK(certificate_error(in_pkcs12(issued)) == "it.pem: is PKCS #12, not PEM: convert it with `openssl pkcs12`");
  CHECK(key_error(key_in_der(issued.private_key)) ==
        "it.pem: is DER, not PEM: convert it with `openssl pkey -inform der`");
  CHECK(key_error(issued.certificate) == "it.pem: has no private key, but: CERTIFICATE");
  CHECK(key_error("") == "it.pem: is empty");
}

TEST_CASE("a certificate that is damaged is told by its number") {
  const std::string good = self_signed().certificate;
  std::string bad = good;
  bad[bad.size() / 2] = '!';
  CHECK(certificate_error(good + bad).starts_with("it.pem: certificate 2: "));
  CHECK(certificate_error(good.substr(0, good.size() - 30)).starts_with("it.pem: certificate 1: "));
}

TEST_CASE("an encrypted certificate is an error, and nobody is asked at the terminal") {
  CHECK(certificate_error("-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,"
                          "00000000000000000000000000000000\n\nAAAA\n-----END CERTIFICATE-----\n")
            .starts_with("it.pem: certificate 1: "));
}

TEST_CASE("revocation lists are read, and told from certificates") {
  const Authority root("Root");
  const std::string list = root.revocation_list({});
  CHECK(revocation_lists_in(named(list + list)).value().size() == 2);
  const auto wrong = revocation_lists_in(named(root.certificate()));
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().detail == "it.pem: has no revocation list, but: CERTIFICATE");
}

TEST_CASE("a private key is read, with a passphrase if it is encrypted, which is asked for once") {
  const Issued issued = self_signed();
  CHECK(private_key_in(named(issued.private_key), {}));
  int asked = 0;
  std::string about;
  const Passphrase passphrase = [&](std::string_view key) {
    ++asked;
    about = key;
    return std::string("open sesame");
  };
  CHECK(private_key_in(named(encrypted_key(issued.private_key, "open sesame")), passphrase));
  CHECK(asked == 1);
  CHECK(about == "it.pem");
}

TEST_CASE("no passphrase and a wrong one are told apart") {
  const std::string encrypted = encrypted_key(self_signed().private_key, "open sesame");
  CHECK(key_error(encrypted) == "it.pem: is encrypted, and there is no passphrase for it");
  CHECK(key_error(encrypted, always("")) == "it.pem: is encrypted, and there is no passphrase for it");
  CHECK(key_error(encrypted, always("open barley")) == "it.pem: the passphrase is wrong");
  CHECK(key_error(encrypted, always(std::string(5000, 'x'))) == "it.pem: the passphrase is too long");
}

TEST_CASE("an exception out of the passphrase's callback becomes an error") {
  const std::string encrypted = encrypted_key(self_signed().private_key, "open sesame");
  const auto read = private_key_in(
      named(encrypted), [](std::string_view) -> std::string { throw std::runtime_error("the vault is shut"); });
  REQUIRE_FALSE(read);
  CHECK(read.error().code == Errc::exception);
  CHECK(read.error().detail == "it.pem: asking for the passphrase: the vault is shut");
}

TEST_CASE("a damaged key is an error that names it") {
  std::string key = self_signed().private_key;
  key[key.size() / 2] = '!';
  CHECK(key_error(key).starts_with("it.pem: "));
}
