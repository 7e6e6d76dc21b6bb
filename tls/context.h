#pragma once

#include <tidewire/core/export.h>
#include <tidewire/core/result.h>
#include <tidewire/tls/certificate.h>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidewire::tls {

enum class Version : std::uint8_t { tls_1_2, tls_1_3 };

/// "TLSv1.2" or "TLSv1.3".
[[nodiscard]] TIDEWIRE_API std::string_view name(Version version) noexcept;

/// What both roles choose from. The defaults are Mozilla's "intermediate" configuration without the DHE suites: every
/// client that speaks TLS 1.2 with authenticated encryption has ECDHE, and DHE lets a client make a server compute.
struct ProtocolOptions {
  Version min_version = Version::tls_1_2;
  Version max_version = Version::tls_1_3;
  /// Suites of TLS 1.2, in OpenSSL's syntax; best first. AES-128 before AES-256: as safe, and a tenth faster.
  std::string ciphers =
      "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
      "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
      "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
  /// Suites of TLS 1.3, likewise.
  std::string suites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
  /// Key exchange, likewise.
  std::string groups = "X25519:P-256:P-384";
  /// The application's protocols that are offered or accepted by ALPN (RFC 7301), best first. A client that offers
  /// none is taken; one that offers only others is refused. Empty: ALPN is left alone.
  std::vector<std::string> alpn = {"http/1.1"};
  /// Whether a connection gives its buffers back while it is idle: some 33 KB less for each, and a few hundred
  /// nanoseconds more for a message.
  bool release_buffers = true;
};

/// Whether clients show certificates of their own.
enum class ClientCertificates : std::uint8_t {
  none,     ///< They are not asked for any.
  request,  ///< They are asked; one that is shown must be trusted, none may be.
  require,  ///< Without a trusted one the handshake fails.
};

/// A key for session tickets (RFC 5077): what a server hands out with it, it can resume later, and so can every other
/// process that has it.
struct TicketKey {
  std::array<std::byte, 16> name;      ///< By which it is found: public, unlike the rest.
  std::array<std::byte, 32> hmac_key;  ///< For HMAC-SHA256.
  std::array<std::byte, 32> aes_key;   ///< For AES-256-CBC.

  /// Takes the 80 bytes of nginx's ssl_session_ticket_key files apart.
  [[nodiscard]] TIDEWIRE_API static Result<TicketKey> from_file(const std::string& file);
  /// A new one, from the system's generator.
  [[nodiscard]] TIDEWIRE_API static Result<TicketKey> random();
};

struct ServerOptions {
  /// The certificate and its key, as `CertificateSource` has them.
  std::string certificate_file = {};
  std::string private_key_file = {};
  std::string certificate = {};
  std::string private_key = {};
  Passphrase passphrase = {};
  std::string ocsp_response_file = {};

  ProtocolOptions protocol = {};

  /// More certificates, chosen by the name that the client asks for (SNI, RFC 6066 section 3): an exact name first,
  /// then a wildcard. A client that asks for no name, or for one that is nobody's, gets the first, the one above.
  std::vector<CertificateSource> more_certificates = {};
  /// Asked for a certificate for a host name, in lower case, that none of these is for; nothing means the first one
  /// above. It runs on the thread of the connection's loop, on several at once, and holds them up: look into a cache,
  /// don't fetch. What it throws fails the handshake.
  std::function<std::optional<Certificate>(std::string_view server_name)> on_unknown_name = {};

  ClientCertificates client_certificates = ClientCertificates::none;
  /// The roots that clients' certificates must lead to, and which are named to the clients; PEM, a file or its text.
  /// Needed unless `none`. A session is resumed only under the roots, revocation lists and `client_certificates` that
  /// its client was verified with.
  std::string client_ca_file = {};
  std::string client_ca = {};
  /// Lists of revoked certificates, PEM; every issuer on the way to the root needs a current one then. Empty: none is
  /// looked for.
  std::string client_crl_file = {};

  /// Session tickets: a client that comes back is spared the certificates, and the server the signature.
  bool tickets = true;
  /// For how long a session may be resumed, and for how long a key that we made ourselves encrypts new tickets; 1
  /// second to 7 days (RFC 8446 section 4.6.1).
  std::chrono::seconds ticket_lifetime{2 * 60 * 60};
  /// The bound on a session's whole life, from its full handshake on: a resumption gives a new ticket, but does not
  /// move it. After it, after the first certificate of the client's chain has expired, and after the `nextUpdate` of a
  /// revocation list, a full handshake takes place instead, and verifies again. At least `ticket_lifetime`.
  std::chrono::seconds max_session_lifetime{24 * 60 * 60};
  /// Keys for tickets: the first encrypts, all decrypt. Empty: one of our own, renewed every `ticket_lifetime`; the one
  /// before it still decrypts. Several processes behind one address need the same. A reload leaves them alone.
  std::vector<TicketKey> ticket_keys = {};
};

struct ClientOptions {
  /// The roots that a server's certificate must lead to, PEM, a file or its text. Both empty: the system's. The
  /// certificate must also be for the host, by its subjectAltName; its subject alone does not do.
  std::string ca_file = {};
  std::string ca = {};
  /// Takes every certificate, whoever shows it and for whatever name: anybody between us and the server can then read
  /// and change everything. For tests on one machine.
  bool dangerously_accept_any_certificate = false;
  /// How many sessions are kept for resumption, one for each host and port; 0: none. Beyond it the one that was not
  /// used for longest is dropped. A reload forgets them all. None is resumed after 24 hours, or after a certificate of
  /// the server's chain has expired.
  std::size_t max_sessions = 256;

  /// A certificate of the client's own and its key, as `CertificateSource` has them, for servers that ask; often none.
  std::string certificate_file = {};
  std::string private_key_file = {};
  std::string certificate = {};
  std::string private_key = {};
  Passphrase passphrase = {};

  ProtocolOptions protocol = {};
};

class ContextState;

/// What many connections have in common: certificates, trust, what may be negotiated. Made once, given to all listeners
/// or clients, on whatever loops.
///
/// Cheap to copy: copies are the same context. Any thread may use any copy, at any time.
///
///     auto context = tls::Context::server({.certificate_file = "cert.pem", .private_key_file = "key.pem"});
///     if (!context) return fail(context.error().message());
///     server.listen("0.0.0.0:443", *context).value();
class TIDEWIRE_API Context {
 public:
  /// Reads and checks everything first. Errors, `invalid_configuration` all, are those of `Certificate::load`, and: no
  /// certificate; one that OpenSSL's security level 2 forbids (RSA below 2048 bits, SHA-1); a list of ciphers, suites
  /// or groups that OpenSSL can't use; roots or revocation lists that can't be read; contradictory options.
  [[nodiscard]] static Result<Context> server(const ServerOptions& options);
  [[nodiscard]] static Result<Context> client(const ClientOptions& options = {});

  /// Whether it was made by `server`.
  [[nodiscard]] bool for_servers() const noexcept;

  /// Reads all files again, and checks them as at first; then new handshakes use what was read, at once and
  /// altogether. Connections that stand are not touched. On any error nothing changes. The files are read on the
  /// caller's thread, which may be any.
  Result<void> reload();

  /// Replaces the ticket keys: the first encrypts, all decrypt. To rotate, put the new key in front and drop the
  /// oldest. Errors: `invalid_argument` for none, for two of one name, for a client's context, or one without tickets.
  Result<void> set_ticket_keys(std::span<const TicketKey> keys);

  /// When the first of the certificates expires; nothing for a client that has none.
  [[nodiscard]] std::optional<std::chrono::system_clock::time_point> expires() const;
  /// What was found at the last load or reload and does not keep it from serving, a line each: see
  /// `Certificate::warnings`. `http::Server::listen` logs them; after a `reload` that is the caller's to do.
  [[nodiscard]] std::vector<std::string> warnings() const;

  /// \name For the layer itself
  /// @{
  [[nodiscard]] ContextState& state() const noexcept { return *state_; }
  /// @}

 private:
  explicit Context(std::shared_ptr<ContextState> state) noexcept : state_(std::move(state)) {}

  std::shared_ptr<ContextState> state_;
};

}  // namespace tidewire::tls
