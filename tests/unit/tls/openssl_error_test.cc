#include <openssl/err.h>
#include <openssl/sslerr.h>

#include <doctest/doctest.h>
#include <tidewire/tls/openssl_error.h>
#include <cerrno>

using namespace tidewire;
using namespace tidewire::tls;

TEST_CASE("an error has the reason that OpenSSL's queue tells of, and the queue is empty then") {
  ERR_raise(ERR_LIB_SSL, SSL_R_WRONG_VERSION_NUMBER);
  const Error error = openssl_error(Errc::protocol_error, "handshake");
  CHECK(error.code == Errc::protocol_error);
  CHECK(error.detail == "handshake: wrong version number");
  CHECK(ERR_peek_error() == 0);
}

TEST_CASE("of several reasons the oldest is told that says more than where it was passed on") {
  ERR_raise(ERR_LIB_X509, ERR_R_ASN1_LIB);
  ERR_raise(ERR_LIB_ASN1, ERR_R_NESTED_ASN1_ERROR);
  ERR_raise(ERR_LIB_SSL, SSL_R_CA_KEY_TOO_SMALL);
  ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
  CHECK(openssl_error(Errc::protocol_error, "it").detail == "it: ca key too small");
}

TEST_CASE("where it was passed on is told if there is nothing else") {
  ERR_raise(ERR_LIB_X509, ERR_R_PEM_LIB);
  CHECK(openssl_error(Errc::protocol_error, "it").detail == "it: PEM lib");
}

TEST_CASE("without a reason an error is what it happened to") {
  ERR_clear_error();
  CHECK(openssl_error(Errc::protocol_error, "it").detail == "it");
}

TEST_CASE("a system's error is told in the system's words") {
  ERR_raise(ERR_LIB_SYS, ENOENT);
  CHECK(openssl_error(Errc::protocol_error, "it").detail == "it: No such file or directory");
}

TEST_CASE("out of memory is its own code, wherever it stands in the queue") {
  ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
  ERR_raise(ERR_LIB_SSL, ERR_R_MALLOC_FAILURE);
  CHECK(openssl_error(Errc::protocol_error, "it").code == std::errc::not_enough_memory);
}

TEST_CASE("a reason of ours is told before what OpenSSL makes of it") {
  raise_openssl_error("no such tenant: %s");
  ERR_raise(ERR_LIB_SSL, SSL_R_CERT_CB_ERROR);
  CHECK(openssl_error(Errc::protocol_error, "it").detail == "it: no such tenant: %s");
}

TEST_CASE("earlier errors can be cleared") {
  ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
  clear_openssl_errors();
  CHECK(ERR_peek_error() == 0);
}

TEST_CASE("an alert is the peer's word") {
  ERR_raise(ERR_LIB_SSL, SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN);
  CHECK(openssl_error(Errc::protocol_error, "").detail == "the peer says: certificate unknown");
  ERR_raise(ERR_LIB_SSL, SSL_R_TLSV1_ALERT_UNKNOWN_CA);
  CHECK(openssl_error(Errc::protocol_error, "here").detail == "here: the peer says: unknown ca");
}
