#include <tidewire/tls/session_cache.h>
#include <tidewire/tls/session_terms.h>
#include <ctime>

namespace tidewire::tls {
namespace {

/// When the session began, in seconds since 1970. OpenSSL 3.4 deprecates the form that ends in 2038 with a 32-bit long.
std::time_t start_of(const SSL_SESSION* session) noexcept {
#if OPENSSL_VERSION_NUMBER >= 0x30300000L
  return SSL_SESSION_get_time_ex(session);
#else
  return SSL_SESSION_get_time(session);
#endif
}

/// OpenSSL itself doesn't look at a session's age before it is offered.
bool is_usable(SSL_SESSION* session, SessionCache::TimePoint now) noexcept {
  return SSL_SESSION_is_resumable(session) == 1 && may_resume(*session, now, SessionCache::max_session_lifetime) &&
         std::chrono::system_clock::to_time_t(now) < start_of(session) + SSL_SESSION_get_timeout(session);
}

}  // namespace

void SessionCache::drop(Entries::iterator entry) {
  by_server_.erase(entry->server);
  entries_.erase(entry);
}

void SessionCache::put(std::string_view server, SslSessionPtr session) {
  if (max_sessions_ == 0) return;
  const std::lock_guard lock(mutex_);
  if (const auto found = by_server_.find(server); found != by_server_.end()) {
    found->second->session = std::move(session);
    entries_.splice(entries_.begin(), entries_, found->second);
    return;
  }
  if (entries_.size() >= max_sessions_) drop(std::prev(entries_.end()));
  Entries made;
  made.push_back({std::string(server), std::move(session)});
  by_server_.emplace(made.front().server, made.begin());
  entries_.splice(entries_.begin(), made);
}

SslSessionPtr SessionCache::take(std::string_view server, TimePoint now) {
  const std::lock_guard lock(mutex_);
  const auto found = by_server_.find(server);
  if (found == by_server_.end()) return {};
  const Entries::iterator entry = found->second;
  SSL_SESSION* session = entry->session.get();
  SslSessionPtr taken;
  // What failed since, or was given up, is marked so in the session itself, which the connection shares.
  if (is_usable(session, now) && SSL_SESSION_up_ref(session) == 1) taken.reset(session);
  if (!taken || SSL_SESSION_get_protocol_version(session) == TLS1_3_VERSION) {
    drop(entry);
  } else {
    entries_.splice(entries_.begin(), entries_, entry);
  }
  return taken;
}

std::size_t SessionCache::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace tidewire::tls
