#include <tidewire/tls/certificate_internal.h>
#include <tidewire/tls/client_verification.h>
#include <tidewire/tls/openssl_error.h>
#include <tidewire/tls/protocol_settings.h>
#include <tidewire/tls/server_context.h>
#include <tidewire/tls/server_names.h>
#include <tidewire/tls/session_terms.h>
#include <algorithm>
#include <exception>

namespace tidewire::tls {
namespace {

// A client that comes back uses one, and is given another then. Each costs the server time, and OpenSSL's own two help
// only clients that open several connections at once.
constexpr std::size_t tickets_per_handshake = 1;

// RFC 8446 section 4.6.1.
constexpr std::chrono::seconds max_ticket_lifetime{7 * 24 * 60 * 60};

/// What handshakes use until the next reload, and their connections on to their ends.
struct Snapshot {
  std::shared_ptr<const ServerOptions> options;
  std::shared_ptr<TicketKeys> ticket_keys;
  ServerContext::Clock clock;
  SessionTerms::TimePoint lists_due;      // From when on a revocation list is out of date.
  std::vector<Certificate> certificates;  // the first is also the SSL_CTX's own
  ServerNames names;
  std::string alpn;
};
using Attached = AttachedTo<Snapshot>;

/// The name that a client asks for, in lower case; empty if it asks for none, or for what is no host name.
std::string asked_name(SSL* ssl) {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  return name != nullptr && is_host_name(name) ? lower_case(name) : std::string();
}

/// Makes a connection's certificate another than its SSL_CTX's.
bool use(SSL* ssl, const LoadedCertificate& loaded) noexcept {
  // One of another kind (RSA, EC) would stay beside it, for clients that prefer that.
  SSL_certs_clear(ssl);
  return SSL_use_cert_and_key(ssl, loaded.certificate.get(), loaded.private_key.get(), loaded.chain.get(), 1) == 1;
}

/// Hands OpenSSL a copy of the response, if the client asks for one. Without it the handshake goes on.
void staple(SSL* ssl, const OcspResponse& ocsp) noexcept {
  if (SSL_get_tlsext_status_type(ssl) != TLSEXT_STATUSTYPE_ocsp || !ocsp.is_current()) return;
  void* copy = OPENSSL_memdup(ocsp.der.data(), ocsp.der.size());
  if (copy != nullptr) SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(ocsp.der.size()));
}

bool choose_certificate(SSL* ssl, const Snapshot& snapshot) {
  const Certificate& first = snapshot.certificates.front();
  const Certificate* chosen = &first;
  std::optional<Certificate> given;
  if (const std::string name = asked_name(ssl); !name.empty()) {
    if (const auto number = snapshot.names.find(name)) {
      chosen = &snapshot.certificates[*number];
    } else if (snapshot.options->on_unknown_name) {
      given = snapshot.options->on_unknown_name(name);
      if (given) chosen = &*given;
    }
  }
  if (chosen != &first && !use(ssl, chosen->loaded())) return false;
  staple(ssl, chosen->loaded().ocsp);
  return true;
}

// OpenSSL's callbacks. A handshake that resumes asks for no certificate.

int on_certificate(SSL* ssl, void*) noexcept {
  try {
    return choose_certificate(ssl, Attached::of(ssl)) ? 1 : 0;
  } catch (const std::exception& exception) {
    raise_openssl_error(exception.what());
  } catch (...) {
    raise_openssl_error("choosing a certificate failed");
  }
  return 0;
}

/// Takes note of the name. So the session has it, and a connection that resumes it can tell it.
int on_server_name(SSL* ssl, int*, void*) noexcept {
  const bool has_name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) != nullptr;
  return has_name ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

int on_status_request(SSL* ssl, void*) noexcept {
  const unsigned char* response = nullptr;
  return SSL_get_tlsext_status_ocsp_resp(ssl, &response) > 0 ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

/// RFC 7301 section 3.2: if the server supports none of the client's protocols, it "SHALL respond with a fatal
/// 'no_application_protocol' alert".
int on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
            unsigned int offered_size, void*) noexcept {
  const std::string& ours = Attached::of(ssl).alpn;
  unsigned char* found = nullptr;
  const int outcome = SSL_select_next_proto(&found, size, reinterpret_cast<const unsigned char*>(ours.data()),
                                            static_cast<unsigned int>(ours.size()), offered, offered_size);
  *chosen = found;
  return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
              int encrypt) noexcept {
  return Attached::of(ssl).ticket_keys->prepare(ssl, name, iv, cipher, mac, encrypt != 0);
}

// Without terms there is a ticket all the same, which is not resumed.
int on_new_ticket(SSL* ssl, void*) noexcept {
  SessionTerms::add_to(*SSL_get_session(ssl), *ssl, Attached::of(ssl).clock());
  return 1;
}

/// What comes of a ticket that a client offers. If its session may not be resumed, a full handshake follows, and a new
/// ticket.
SSL_TICKET_RETURN on_offered_ticket(SSL* ssl, SSL_SESSION* session, const unsigned char*, std::size_t,
                                    SSL_TICKET_STATUS status, void*) noexcept {
  if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) return SSL_TICKET_RETURN_IGNORE_RENEW;
  const Snapshot& snapshot = Attached::of(ssl);
  const auto now = snapshot.clock();
  if (now >= snapshot.lists_due || !may_resume(*session, now, snapshot.options->max_session_lifetime)) {
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  }
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

// What a snapshot is made of.

Result<std::vector<Certificate>> load_certificates(const ServerOptions& options) {
  std::vector<Certificate> certificates;
  auto first = Certificate::load({.certificate_file = options.certificate_file,
                                  .private_key_file = options.private_key_file,
                                  .certificate = options.certificate,
                                  .private_key = options.private_key,
                                  .passphrase = options.passphrase,
                                  .ocsp_response_file = options.ocsp_response_file});
  if (!first) return std::move(first).error();
  certificates.push_back(*std::move(first));
  for (const CertificateSource& source : options.more_certificates) {
    const std::string which = "more_certificates[" + std::to_string(certificates.size() - 1) + "]: ";
    auto loaded = Certificate::load(source);
    if (!loaded) return Error{loaded.error().code, which + loaded.error().detail};
    if (loaded->names().empty()) return unusable(which + "is for no name, neither by itself nor by `names`");
    certificates.push_back(*std::move(loaded));
  }
  return certificates;
}

void apply_tickets(const ServerOptions& options, SSL_CTX* context) {
  // What is to be resumed is in the client's ticket; nothing is kept here.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  if (!options.tickets) {
    // TLS 1.3 knows no sessions without tickets; with the option alone they would be numbers of kept ones.
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, 0);
    return;
  }
  SSL_CTX_set_timeout(context, static_cast<long>(options.ticket_lifetime.count()));
  SSL_CTX_set_num_tickets(context, tickets_per_handshake);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, &on_ticket);
  SSL_CTX_set_session_ticket_cb(context, &on_new_ticket, &on_offered_ticket, nullptr);
}

/// The first certificate is the context's own. The others are tried with a connection, so that what OpenSSL thinks too
/// weak is found now, and not in a handshake.
Result<void> apply_certificates(const Snapshot& snapshot, SSL_CTX* context) {
  const LoadedCertificate& first = snapshot.certificates.front().loaded();
  if (SSL_CTX_use_cert_and_key(context, first.certificate.get(), first.private_key.get(), first.chain.get(), 1) != 1) {
    return openssl_error(Errc::invalid_configuration, first.name);
  }
  const SslPtr trial(SSL_new(context));
  if (!trial) return openssl_error(Errc::invalid_configuration, "TLS");
  for (const Certificate& certificate : snapshot.certificates) {
    if (!use(trial.get(), certificate.loaded())) {
      return openssl_error(Errc::invalid_configuration, certificate.loaded().name);
    }
  }
  SSL_CTX_set_cert_cb(context, &on_certificate, nullptr);
  SSL_CTX_set_tlsext_servername_callback(context, &on_server_name);
  SSL_CTX_set_tlsext_status_cb(context, &on_status_request);
  return {};
}

Result<void> check(const ServerOptions& options) {
  if (options.ticket_lifetime < std::chrono::seconds(1) || options.ticket_lifetime > max_ticket_lifetime) {
    return unusable("ticket_lifetime is not 1 second to 7 days");
  }
  if (options.ticket_lifetime > options.max_session_lifetime) {
    return unusable("ticket_lifetime is above max_session_lifetime");
  }
  if (!options.tickets && !options.ticket_keys.empty()) return unusable("ticket_keys are given, but tickets are off");
  return {};
}

}  // namespace

ServerContext::ServerContext(const ServerOptions& options, Clock clock)
    : options_(std::make_shared<const ServerOptions>(options)),
      ticket_keys_(std::make_shared<TicketKeys>(options.ticket_lifetime)),
      clock_(std::move(clock)) {}

Result<std::shared_ptr<ContextState>> ServerContext::create(const ServerOptions& options, Clock clock) {
  if (auto checked = check(options); !checked) return std::move(checked).error();
  auto made = std::make_shared<ServerContext>(options, std::move(clock));
  if (!options.ticket_keys.empty()) {
    if (auto set = made->ticket_keys_->set(options.ticket_keys); !set) return unusable(set.error().detail);
  }
  if (auto loaded = made->reload(); !loaded) return std::move(loaded).error();
  return std::shared_ptr<ContextState>(std::move(made));
}

Result<SslPtr> ServerContext::new_server_connection() {
  auto ssl = new_connection();
  if (ssl) SSL_set_accept_state(ssl->get());
  return ssl;
}

Result<void> ServerContext::set_ticket_keys(std::span<const TicketKey> keys) {
  if (!options_->tickets) return Error{make_error_code(Errc::invalid_argument), "ticket keys: tickets are off"};
  return ticket_keys_->set(keys);
}

Result<ContextState::Made> ServerContext::make() const {
  auto certificates = load_certificates(*options_);
  if (!certificates) return std::move(certificates).error();
  auto alpn = alpn_list(options_->protocol.alpn);
  if (!alpn) return std::move(alpn).error();

  auto snapshot = std::make_unique<Snapshot>();
  snapshot->options = options_;
  snapshot->ticket_keys = ticket_keys_;
  snapshot->clock = clock_;
  snapshot->certificates = *std::move(certificates);
  snapshot->alpn = *std::move(alpn);
  Made made;
  for (std::size_t i = 0; i < snapshot->certificates.size(); ++i) {
    const Certificate& certificate = snapshot->certificates[i];
    for (const std::string& name : certificate.names()) snapshot->names.add(name, i);
    made.expires = made.expires ? std::min(*made.expires, certificate.expires()) : certificate.expires();
    made.warnings.insert(made.warnings.end(), certificate.warnings().begin(), certificate.warnings().end());
  }

  made.context.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = made.context.get();
  if (context == nullptr) return openssl_error(Errc::invalid_configuration, "TLS");
  if (auto applied = apply(options_->protocol, context); !applied) return std::move(applied).error();
  if (auto applied = apply_certificates(*snapshot, context); !applied) return std::move(applied).error();
  auto verified = verify_clients(*options_, context);
  if (!verified) return std::move(verified).error();
  snapshot->lists_due = *verified;
  if (!snapshot->alpn.empty()) SSL_CTX_set_alpn_select_cb(context, &on_alpn, nullptr);
  apply_tickets(*options_, context);
  if (!Attached::attach(context, std::move(snapshot))) return openssl_error(Errc::invalid_configuration, "TLS");
  return made;
}

}  // namespace tidewire::tls
