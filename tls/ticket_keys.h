#pragma once

#include <tidewire/core/bytes.h>
#include <tidewire/core/result.h>
#include <tidewire/tls/context.h>
#include <tidewire/tls/openssl_types.h>
#include <chrono>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

namespace tidewire::tls {

/// The keys that a server's session tickets are made with (RFC 5077 section 4): given ones, or one of our own that is
/// renewed when it has served for a ticket's lifetime. Any thread.
class TicketKeys {
 public:
  using Clock = std::chrono::steady_clock;

  /// A key of our own, made when it is first needed.
  explicit TicketKeys(std::chrono::seconds lifetime) : lifetime_(lifetime) {}
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;
  ~TicketKeys();

  /// Uses these from now on: the first encrypts, all decrypt. `invalid_argument` if there is none, or two have one
  /// name.
  [[nodiscard]] Result<void> set(std::span<const TicketKey> keys);

  /// The key for new tickets. It fails with the system's generator.
  [[nodiscard]] Result<TicketKey> encrypting(Clock::time_point now);

  struct Found {
    TicketKey key;
    bool is_newest;
  };
  /// The key of a ticket, if there is one for it.
  [[nodiscard]] std::optional<Found> decrypting(Bytes name, Clock::time_point now);

  /// What OpenSSL asks for (SSL_CTX_set_tlsext_ticket_key_evp_cb): gives `cipher` and `mac` the key for a new ticket,
  /// if `encrypt`, whose name and IV are written, or for a ticket with this name and IV.
  [[nodiscard]] int prepare(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                            bool encrypt) noexcept;

 private:
  Result<void> renew_if_due(Clock::time_point now);

  const std::chrono::seconds lifetime_;
  std::mutex mutex_;
  std::vector<TicketKey> keys_;
  Clock::time_point made_at_{};
  bool are_given_ = false;
};

}  // namespace tidewire::tls
