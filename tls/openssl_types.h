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
using SslPtr = OpensslPtr<SSL, SSL_free>;
using SslSessionPtr = OpensslPtr<SSL_SESSION, SSL_SESSION_free>;
using X509CrlPtr = OpensslPtr<X509_CRL, X509_CRL_free>;
using X509Ptr = OpensslPtr<X509, X509_free>;
using X509StackPtr = std::unique_ptr<STACK_OF(X509), X509StackDelete>;

}  // namespace tidewire::tls
