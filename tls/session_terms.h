#pragma once

#include <tidewire/core/bytes.h>
#include <tidewire/tls/openssl_types.h>
#include <chrono>
#include <optional>

namespace tidewire::tls {

/// Until when a session may be resumed, whatever its tickets say. A resumption verifies no certificate, and in TLS 1.3
/// it brings a new ticket each time: without terms a session that was trusted once would be trusted for ever.
///
/// They are made at the full handshake, and are a part of the session from then on (its application data, which a
/// ticket carries encrypted): resumptions and renewed tickets keep them. The chain itself is not kept, so that it could
/// not be verified again.
struct SessionTerms {
  using TimePoint = std::chrono::system_clock::time_point;

  TimePoint began;                             ///< The end of the full handshake.
  TimePoint trusted_until = TimePoint::max();  ///< The earliest notAfter in the chain of the peer that was verified.

  /// Those of a session whose full handshake has just ended.
  [[nodiscard]] static SessionTerms of(const SSL& connection, TimePoint now) noexcept;
  /// What a session has; nothing if it has none, or of another form.
  [[nodiscard]] static std::optional<SessionTerms> in(SSL_SESSION& session) noexcept;
  /// Gives a session those of its full handshake, unless it has some: they are its own, from a resumption. Without
  /// memory it has none, and is not resumed.
  static void add_to(SSL_SESSION& session, const SSL& connection, TimePoint now) noexcept;

  /// Whether a session may be resumed. A clock that was set back does not end one.
  [[nodiscard]] bool allow(TimePoint now, std::chrono::seconds max_lifetime) const noexcept {
    return now - began < max_lifetime && now < trusted_until;
  }
};

/// Whether a session that can be decrypted may be resumed: it has terms, and they allow it.
[[nodiscard]] bool may_resume(SSL_SESSION& session, SessionTerms::TimePoint now,
                              std::chrono::seconds max_lifetime) noexcept;

}  // namespace tidewire::tls
