#pragma once

#include <tidewire/core/export.h>
#include <tidewire/core/result.h>
#include <tidewire/tls/context.h>
#include <tidewire/tls/peer_certificate.h>
#include <tidewire/transport/stream.h>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// TLS over any stream (RFC 5246, RFC 8446), for servers and clients.
///
/// What is read is decrypted out of the loop's receive buffer, what is written leaves in full records, and what is
/// written in a callback in one. All that holds for a Stream holds here, and:
///
/// - The handshake runs by itself. What is written before its end waits for it, and counts as queued.
/// - A FIN is a close_notify and then the FIN below. The peer's close_notify is `on_end`; a stream that ends without
///   one has been cut off, by whoever could, and is `on_failed` with `Errc::truncated`.
/// - `close` says nothing, like a connection that is reset. To part in good order use `end` or `close_when_sent`.
/// - A handshake that fails is `on_failed`, and a line in the loop's log that names the peer.
namespace tidewire::tls {

/// A stream that is encrypted, and what its handshake has settled. Before `established()` there is nothing to know, and
/// all that can be asked is empty.
class TIDEWIRE_API Stream : public transport::Stream {
 public:
  [[nodiscard]] virtual bool established() const noexcept = 0;
  [[nodiscard]] virtual Version version() const noexcept = 0;
  /// The cipher suite as OpenSSL calls it: "TLS_AES_128_GCM_SHA256".
  [[nodiscard]] virtual std::string_view cipher() const noexcept = 0;
  /// The name that the client asked for (SNI), which it may have left out.
  [[nodiscard]] virtual std::string_view server_name() const noexcept = 0;
  /// What was agreed by ALPN: "http/1.1".
  [[nodiscard]] virtual std::string_view application_protocol() const noexcept = 0;
  /// Whether an earlier session was resumed.
  [[nodiscard]] virtual bool resumed() const noexcept = 0;
  /// The peer's certificate, which was verified; nothing if it showed none, as most clients do. Of a client's own
  /// making, `dangerously_accept_any_certificate`, it wasn't. Throws std::bad_alloc.
  [[nodiscard]] virtual std::optional<PeerCertificate> peer_certificate() const = 0;

 protected:
  Stream() noexcept { encrypted_ = true; }
  ~Stream() override = default;
};

struct AcceptOptions {
  /// From now to the handshake's end; then the connection is closed.
  std::chrono::milliseconds handshake_timeout{10'000};
  /// What to say in the clear to a client that begins to speak as HTTP does instead of TLS; nothing by default. It must
  /// outlive the stream.
  std::string_view answer_to_plain_text = {};
};

/// The server's side of TLS over `inner`. Throws std::bad_alloc.
[[nodiscard]] TIDEWIRE_API transport::StreamPtr accept(const Context& context, transport::StreamPtr inner,
                                                       const AcceptOptions& options = AcceptOptions());

struct ConnectOptions {
  /// As in AcceptOptions.
  std::chrono::milliseconds handshake_timeout{10'000};
};

/// The client's side. `host` is the name, or the IP address, that the server's certificate must be for; the name is
/// also asked for (SNI). With `port` it says whose session may be resumed. Errors: `invalid_argument` for a host that
/// is neither. Throws std::bad_alloc.
[[nodiscard]] TIDEWIRE_API Result<transport::StreamPtr> connect(const Context& context, transport::StreamPtr inner,
                                                                const std::string& host, std::uint16_t port,
                                                                const ConnectOptions& options = ConnectOptions());

/// The stream as one that is encrypted; null if it isn't.
[[nodiscard]] inline const Stream* as_encrypted(const transport::Stream& stream) noexcept {
  return stream.encrypted() ? static_cast<const Stream*>(&stream) : nullptr;
}

}  // namespace tidewire::tls
