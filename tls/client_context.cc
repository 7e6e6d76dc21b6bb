#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <tidewire/tls/certificate_internal.h>
#include <tidewire/tls/client_context.h>
#include <tidewire/tls/openssl_error.h>
#include <tidewire/tls/pem.h>
#include <tidewire/tls/protocol_settings.h>
#include <tidewire/tls/server_names.h>
#include <tidewire/tls/session_cache.h>
#include <tidewire/tls/session_terms.h>
#include <new>

namespace tidewire::tls {
namespace {

using Attached = AttachedTo<SessionCache>;

/// For which server a connection's sessions are: "host:port", which the SSL owns.
struct ServerOf {
  static bool set(SSL* ssl, std::unique_ptr<std::string> server) {
    if (SSL_set_ex_data(ssl, index(), server.get()) != 1) return false;
    static_cast<void>(server.release());
    return true;
  }
  static const std::string* get(SSL* ssl) noexcept {
    return static_cast<const std::string*>(SSL_get_ex_data(ssl, index()));
  }

 private:
  static void release(void*, void* server, CRYPTO_EX_DATA*, int, long, void*) {
    delete static_cast<std::string*>(server);
  }
  static int index() noexcept {
    static const int number = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, &release);
    return number;
  }
};

/// OpenSSL's callback: 1 keeps the session, with the reference that it was called with.
int on_new_session(SSL* ssl, SSL_SESSION* session) noexcept {
  const std::string* server = ServerOf::get(ssl);
  if (server == nullptr) return 0;
  SslSessionPtr kept(session);
  SessionTerms::add_to(*session, *ssl, std::chrono::system_clock::now());
  try {
    Attached::of(ssl).put(*server, std::move(kept));
  } catch (...) {
    // Out of memory. The reference went with what was to be kept, and the connection has one of its own.
  }
  return 1;
}

bool is_address(const std::string& host) noexcept {
  in6_addr parsed;
  return inet_pton(AF_INET, host.c_str(), &parsed) == 1 || inet_pton(AF_INET6, host.c_str(), &parsed) == 1;
}

/// What the certificate must be for. RFC 9525: a wildcard is a whole label, and what a subject calls itself doesn't
/// count.
bool expect(SSL* ssl, const std::string& host, bool is_ip) noexcept {
  X509_VERIFY_PARAM* expected = SSL_get0_param(ssl);
  if (is_ip) return X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) == 1;
  X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  return X509_VERIFY_PARAM_set1_host(expected, host.data(), host.size()) == 1;
}

Result<void> check(const ClientOptions& options) {
  const bool has_roots = !options.ca_file.empty() || !options.ca.empty();
  if (options.dangerously_accept_any_certificate && has_roots) {
    return unusable("ca is given, but dangerously_accept_any_certificate takes every certificate");
  }
  return {};
}

Result<void> add_roots(const ClientOptions& options, SSL_CTX* context) {
  if (options.dangerously_accept_any_certificate) {
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
    return {};
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (options.ca_file.empty() && options.ca.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) == 1) return {};
    return openssl_error(Errc::invalid_configuration, "the system's roots");
  }
  auto pem = read_pem(options.ca_file, options.ca, "ca");
  if (!pem) return std::move(pem).error();
  auto roots = certificates_in(*pem);
  if (!roots) return std::move(roots).error();
  for (const X509Ptr& root : *roots) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), root.get()) != 1) {
      return openssl_error(Errc::invalid_configuration, pem->name());
    }
  }
  return {};
}

/// The certificate that the client shows, if it has one.
Result<std::optional<Certificate>> add_certificate(const ClientOptions& options, SSL_CTX* context) {
  if (options.certificate_file.empty() && options.certificate.empty() && options.private_key_file.empty() &&
      options.private_key.empty()) {
    return std::optional<Certificate>();
  }
  auto certificate = Certificate::load({.certificate_file = options.certificate_file,
                                        .private_key_file = options.private_key_file,
                                        .certificate = options.certificate,
                                        .private_key = options.private_key,
                                        .passphrase = options.passphrase});
  if (!certificate) return std::move(certificate).error();
  const LoadedCertificate& loaded = certificate->loaded();
  if (SSL_CTX_use_cert_and_key(context, loaded.certificate.get(), loaded.private_key.get(), loaded.chain.get(), 1) !=
      1) {
    return openssl_error(Errc::invalid_configuration, loaded.name);
  }
  return std::optional<Certificate>(*std::move(certificate));
}

Result<void> apply_alpn(const ProtocolOptions& options, SSL_CTX* context) {
  auto list = alpn_list(options.alpn);
  if (!list) return std::move(list).error();
  const auto* bytes = reinterpret_cast<const unsigned char*>(list->data());
  // This one of OpenSSL's functions returns 0 for success.
  if (!list->empty() && SSL_CTX_set_alpn_protos(context, bytes, static_cast<unsigned int>(list->size())) != 0) {
    return openssl_error(Errc::invalid_configuration, "alpn");
  }
  return {};
}

bool apply_sessions(const ClientOptions& options, SSL_CTX* context) {
  if (options.max_sessions == 0) {
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return true;
  }
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, &on_new_session);
  return Attached::attach(context, std::make_unique<SessionCache>(options.max_sessions));
}

/// What makes a connection one to this server.
bool aim(SSL* ssl, const ClientOptions& options, const std::string& host, std::uint16_t port) {
  const bool is_ip = is_address(host);
  SSL_set_connect_state(ssl);
  // RFC 6066 section 3: addresses "are not permitted" as server names.
  if (!is_ip && SSL_set_tlsext_host_name(ssl, host.c_str()) != 1) return false;
  if (!options.dangerously_accept_any_certificate && !expect(ssl, host, is_ip)) return false;
  if (options.max_sessions == 0) return true;
  auto server = std::make_unique<std::string>(host + ":" + std::to_string(port));
  if (const SslSessionPtr session = Attached::of(ssl).take(*server)) {
    if (SSL_set_session(ssl, session.get()) != 1) return false;
  }
  return ServerOf::set(ssl, std::move(server));
}

}  // namespace

Result<std::shared_ptr<ContextState>> ClientContext::create(const ClientOptions& options) {
  if (auto checked = check(options); !checked) return std::move(checked).error();
  auto made = std::make_shared<ClientContext>(options);
  if (auto loaded = made->reload(); !loaded) return std::move(loaded).error();
  return std::shared_ptr<ContextState>(std::move(made));
}

Result<SslPtr> ClientContext::new_client_connection(const std::string& host, std::uint16_t port) try {
  std::string name = lower_case(host);
  // The dot at the end of an absolute name is DNS's alone.
  if (name.ends_with('.')) name.pop_back();
  if (!is_address(name) && !is_host_name(name)) {
    return Error{make_error_code(Errc::invalid_argument), "\"" + host + "\" is no host name and no IP address"};
  }
  auto ssl = new_connection();
  if (ssl && !aim(ssl->get(), options_, name, port)) {
    return openssl_error(Errc::invalid_argument, "TLS connection to " + name);
  }
  return ssl;
} catch (const std::bad_alloc&) {
  return out_of_memory();
}

Result<ContextState::Made> ClientContext::make() const {
  Made made;
  made.context.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = made.context.get();
  if (context == nullptr) return openssl_error(Errc::invalid_configuration, "TLS");
  if (auto applied = apply(options_.protocol, context); !applied) return std::move(applied).error();
  if (auto applied = apply_alpn(options_.protocol, context); !applied) return std::move(applied).error();
  if (auto added = add_roots(options_, context); !added) return std::move(added).error();
  auto certificate = add_certificate(options_, context);
  if (!certificate) return std::move(certificate).error();
  if (*certificate) {
    made.expires = (*certificate)->expires();
    made.warnings = (*certificate)->warnings();
  }
  if (!apply_sessions(options_, context)) return openssl_error(Errc::invalid_configuration, "TLS");
  return made;
}

}  // namespace tidewire::tls
