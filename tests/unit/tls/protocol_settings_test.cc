#include <doctest/doctest.h>
#include <tidewire/tls/protocol_settings.h>
#include <string>

using namespace tidewire;
using namespace tidewire::tls;

namespace {

SslCtxPtr context() { return SslCtxPtr(SSL_CTX_new(TLS_server_method())); }

std::string error(const ProtocolOptions& options) {
  const auto applied = apply(options, context().get());
  REQUIRE_FALSE(applied);
  CHECK(applied.error().code == Errc::invalid_configuration);
  return applied.error().detail;
}

std::string suites_of(SSL_CTX* context) {
  std::string names;
  const STACK_OF(SSL_CIPHER)* suites = SSL_CTX_get_ciphers(context);
  for (int i = 0; i < sk_SSL_CIPHER_num(suites); ++i) {
    names += (names.empty() ? "" : " ") + std::string(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(suites, i)));
  }
  return names;
}

}  // namespace

TEST_CASE("the defaults are TLS 1.2 and 1.3, with authenticated encryption and ephemeral keys alone") {
  const SslCtxPtr made = context();
  REQUIRE(apply({}, made.get()));
  CHECK(SSL_CTX_get_min_proto_version(made.get()) == TLS1_2_VERSION);
  CHECK(SSL_CTX_get_max_proto_version(made.get()) == TLS1_3_VERSION);
  CHECK(suites_of(made.get()) ==
        "TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256 "
        "ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-GCM-SHA256 "
        "ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-RSA-AES256-GCM-SHA384 "
        "ECDHE-ECDSA-CHACHA20-POLY1305 ECDHE-RSA-CHACHA20-POLY1305");
  CHECK(SSL_CTX_get_security_level(made.get()) >= 2);
  const auto options = SSL_CTX_get_options(made.get());
  CHECK((options & SSL_OP_NO_RENEGOTIATION) != 0);
  CHECK((options & SSL_OP_NO_COMPRESSION) != 0);
  CHECK((options & SSL_OP_CIPHER_SERVER_PREFERENCE) != 0);
  CHECK(SSL_CTX_get_max_early_data(made.get()) == 0);
}

TEST_CASE("OpenSSL encrypts, though a configuration of the system's has the kernel do it") {
  const SslCtxPtr made = context();
  SSL_CTX_set_options(made.get(), SSL_OP_ENABLE_KTLS);
  REQUIRE(apply({}, made.get()));
  CHECK((SSL_CTX_get_options(made.get()) & SSL_OP_ENABLE_KTLS) == 0);
}

TEST_CASE("buffers are released while idle unless that is switched off") {
  const SslCtxPtr released = context();
  REQUIRE(apply({}, released.get()));
  CHECK((SSL_CTX_get_mode(released.get()) & SSL_MODE_RELEASE_BUFFERS) != 0);
  CHECK((SSL_CTX_get_mode(released.get()) & SSL_MODE_ENABLE_PARTIAL_WRITE) == 0);
  const SslCtxPtr kept = context();
  REQUIRE(apply({.release_buffers = false}, kept.get()));
  CHECK((SSL_CTX_get_mode(kept.get()) & SSL_MODE_RELEASE_BUFFERS) == 0);
}

TEST_CASE("lists that OpenSSL can't use are errors that name the option") {
  CHECK(error({.ciphers = "NONSENSE"}) == "ciphers: OpenSSL can use none, or not all, of \"NONSENSE\"");
  CHECK(error({.ciphers = ""}).starts_with("ciphers: "));
  CHECK(error({.suites = "NONSENSE"}) == "suites: OpenSSL can use none, or not all, of \"NONSENSE\"");
  CHECK(error({.suites = ""}).starts_with("suites: "));
  CHECK(error({.groups = "X25519:NONSENSE"}).starts_with("groups: "));
  CHECK(error({.groups = ""}).starts_with("groups: "));
}

TEST_CASE("the list of a version that isn't spoken is not looked at") {
  CHECK(apply({.min_version = Version::tls_1_3, .ciphers = ""}, context().get()));
  CHECK(apply({.max_version = Version::tls_1_2, .suites = ""}, context().get()));
}

TEST_CASE("versions the wrong way round are an error") {
  CHECK(error({.min_version = Version::tls_1_3, .max_version = Version::tls_1_2}) ==
        "min_version is above max_version");
}

TEST_CASE("protocols are listed with their lengths, and have 1 to 255 bytes") {
  using namespace std::string_literals;
  CHECK(alpn_list({"h2", "http/1.1"}).value() == "\x02h2\x08http/1.1"s);
  CHECK(alpn_list({}).value().empty());
  CHECK(alpn_list({std::string(255, 'a')}).value().size() == 256);
  CHECK(alpn_list({""}).error().detail.starts_with("alpn: "));
  CHECK_FALSE(alpn_list({std::string(256, 'a')}));
}
