#pragma once

#include <tidewire/tls/openssl_types.h>
#include <chrono>
#include <cstddef>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace tidewire::tls {

/// The sessions that a client can resume, the last one for each server. Beyond `max_sessions` the one that was longest
/// not used is dropped. Any thread.
class SessionCache {
 public:
  using TimePoint = std::chrono::system_clock::time_point;
  /// As a server's `max_session_lifetime`.
  static constexpr std::chrono::hours max_session_lifetime{24};

  explicit SessionCache(std::size_t max_sessions) noexcept : max_sessions_(max_sessions) {}

  /// Keeps a session, in place of the server's last one.
  void put(std::string_view server, SslSessionPtr session);

  /// The session to resume with a server, or nothing. One of TLS 1.3 is handed out once: who used it again could be
  /// recognised by it (RFC 8446 appendix C.4). One whose terms do not allow it any more is dropped.
  [[nodiscard]] SslSessionPtr take(std::string_view server, TimePoint now = std::chrono::system_clock::now());

  [[nodiscard]] std::size_t size() const;

 private:
  struct Entry {
    std::string server;
    SslSessionPtr session;
  };
  using Entries = std::list<Entry>;

  void drop(Entries::iterator entry);

  const std::size_t max_sessions_;
  mutable std::mutex mutex_;
  Entries entries_;                                                    // the one used last in front
  std::unordered_map<std::string_view, Entries::iterator> by_server_;  // by the entries' own text
};

}  // namespace tidewire::tls
