#include <tidewire/tls/session_terms.h>
#include <tidewire/tls/x509_fields.h>
#include <algorithm>
#include <array>
#include <cstdint>

namespace tidewire::tls {
namespace {

using TimePoint = SessionTerms::TimePoint;

// The form's number, and two times in seconds, most significant byte first.
constexpr std::byte form{1};
constexpr std::size_t time_bytes = 8;
constexpr std::size_t form_bytes = 1 + 2 * time_bytes;

// In the clock's own unit the time's end could not be told from what is close to it.
std::int64_t seconds_of(TimePoint time) noexcept {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

TimePoint time_from(std::int64_t seconds) noexcept {
  return seconds >= seconds_of(TimePoint::max()) ? TimePoint::max() : TimePoint(std::chrono::seconds(seconds));
}

void put(std::byte* to, std::int64_t number) noexcept {
  for (std::size_t i = 0; i < time_bytes; ++i) {
    to[i] = static_cast<std::byte>(static_cast<std::uint64_t>(number) >> 8 * (time_bytes - 1 - i));
  }
}

std::int64_t number_at(const std::byte* from) noexcept {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < time_bytes; ++i) number = number << 8 | std::to_integer<std::uint64_t>(from[i]);
  return static_cast<std::int64_t>(number);
}

}  // namespace

SessionTerms SessionTerms::of(const SSL& connection, TimePoint now) noexcept {
  SessionTerms terms{.began = now};
  // Of a chain that was not found good, and was taken all the same, nothing is known.
  if (SSL_get_verify_result(&connection) != X509_V_OK) return terms;
  const STACK_OF(X509)* chain = SSL_get0_verified_chain(&connection);
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    terms.trusted_until = std::min(terms.trusted_until, time_of(*X509_get0_notAfter(sk_X509_value(chain, i))));
  }
  return terms;
}

std::optional<SessionTerms> SessionTerms::in(SSL_SESSION& session) noexcept {
  void* data = nullptr;
  std::size_t size = 0;
  if (SSL_SESSION_get0_ticket_appdata(&session, &data, &size) != 1 || size != form_bytes) return std::nullopt;
  const auto* const bytes = static_cast<const std::byte*>(data);
  if (bytes[0] != form) return std::nullopt;
  return SessionTerms{.began = time_from(number_at(bytes + 1)),
                      .trusted_until = time_from(number_at(bytes + 1 + time_bytes))};
}

void SessionTerms::add_to(SSL_SESSION& session, const SSL& connection, TimePoint now) noexcept {
  if (in(session)) return;
  const SessionTerms terms = of(connection, now);
  std::array<std::byte, form_bytes> bytes{form};
  put(bytes.data() + 1, seconds_of(terms.began));
  put(bytes.data() + 1 + time_bytes, seconds_of(terms.trusted_until));
  SSL_SESSION_set1_ticket_appdata(&session, bytes.data(), bytes.size());
}

bool may_resume(SSL_SESSION& session, TimePoint now, std::chrono::seconds max_lifetime) noexcept {
  const auto terms = SessionTerms::in(session);
  return terms && terms->allow(now, max_lifetime);
}

}  // namespace tidewire::tls
