#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <memory>

/// OpenSSL's objects, each with the function that lets go of it.
namespace tidewire::tls {

template <auto release>
struct OpensslDelete {
  template <class Object>
  void operator()(Object* object) const noexcept {
    release(object);
  }
};

template <class Object, auto release>
using OpensslPtr = std::unique_ptr<Object, OpensslDelete<release>>;

/// A connection. OpenSSL would no longer resume the session of one that is freed while it is open. That was SSL's rule;
/// "as of TLS 1.1, failure to properly close a connection no longer requires that a session not be resumed" (RFC 5246
/// section 7.2.1). After a fatal alert it isn't resumed in any case.
struct SslDelete {
  void operator()(SSL* ssl) const noexcept {
    SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(ssl);
  }
};

/// A stack of certificates, and a reference to each.
struct X509StackDelete {
  void operator()(STACK_OF(X509) * stack) const noexcept { sk_X509_pop_free(stack, X509_free); }
};

using BioPtr = OpensslPtr<BIO, BIO_free_all>;
using EvpCipherPtr = OpensslPtr<EVP_CIPHER, EVP_CIPHER_free>;
using EvpPkeyPtr = OpensslPtr<EVP_PKEY, EVP_PKEY_free>;
using OcspBasicResponsePtr = OpensslPtr<OCSP_BASICRESP, OCSP_BASICRESP_free>;
using OcspResponsePtr = OpensslPtr<OCSP_RESPONSE, OCSP_RESPONSE_free>;
using SslCtxPtr = OpensslPtr<SSL_CTX, SSL_CTX_free>;
using SslPtr = std::unique_ptr<SSL, SslDelete>;
using SslSessionPtr = OpensslPtr<SSL_SESSION, SSL_SESSION_free>;
using X509CrlPtr = OpensslPtr<X509_CRL, X509_CRL_free>;
using X509Ptr = OpensslPtr<X509, X509_free>;
using X509StackPtr = std::unique_ptr<STACK_OF(X509), X509StackDelete>;

}  // namespace tidewire::tls
