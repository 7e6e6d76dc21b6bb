#pragma once

#include <tidewire/core/buffer.h>
#include <tidewire/core/bytes.h>
#include <tidewire/tls/openssl_types.h>
#include <tidewire/tls/record_io.h>
#include <tidewire/transport/kernel_tls.h>
#include <tidewire/transport/stream.h>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace tidewire::tls {

/// The secret that one direction's keys are derived from, and its successors (RFC 8446 section 7.2).
class TrafficSecret {
 public:
  explicit TrafficSecret(Bytes secret) noexcept;
  TrafficSecret(const TrafficSecret&) noexcept = default;
  TrafficSecret& operator=(const TrafficSecret&) noexcept = default;
  ~TrafficSecret();

  /// application_traffic_secret_N+1, by the handshake's hash. Nothing if OpenSSL can't: no memory.
  [[nodiscard]] std::optional<TrafficSecret> next(const EVP_MD& hash) const noexcept;
  /// The keys for it, of the same suite as `last`.
  [[nodiscard]] std::optional<transport::KernelKeys> keys(const EVP_MD& hash,
                                                          const transport::KernelKeys& last) const noexcept;

  static constexpr std::size_t max_bytes = 64;

 private:
  [[nodiscard]] Bytes view() const noexcept { return {bytes_.data(), size_}; }

  std::array<std::byte, max_bytes> bytes_{};
  std::size_t size_ = 0;
};

/// What a connection needs to have its records made by the kernel: keys go down when OpenSSL has settled them, text
/// goes past OpenSSL, and the records that OpenSSL writes itself (the end of the handshake, tickets, alerts, renewals
/// of keys) go down with their type, one at a time.
///
/// OpenSSL speaks of it to its BIO. A renewal it answers, but up to its version 3.1 it does not tell the BIO of the new
/// keys: they are derived here once more.
class KernelSender {
 public:
  /// Has the connections of a context use the kernel where their streams can. `renewals`: it takes new keys, so that
  /// TLS 1.3 can be left to it; `always`: also where it doesn't, and a peer that has keys renewed loses the connection.
  /// Throws std::bad_alloc.
  static void allow(SSL_CTX& context, bool renewals, bool always);
  [[nodiscard]] static bool allowed(const SSL& connection) noexcept;

  /// All of them outlive this.
  KernelSender(SSL& connection, transport::Stream& below, RecordIo& io) noexcept;
  KernelSender(const KernelSender&) = delete;
  KernelSender& operator=(const KernelSender&) = delete;
  ~KernelSender();

  /// Whether the kernel has the keys.
  [[nodiscard]] bool active() const noexcept { return keys_.has_value(); }
  /// Whether a record of OpenSSL's could not leave yet, which no text may overtake.
  [[nodiscard]] bool waits() const noexcept { return !waiting_.empty(); }
  /// Sends what waits, as far as it can. Whether nothing waits any more.
  bool flush() noexcept;

  /// After reading, in the scope of that: has OpenSSL answer a peer that wants the keys renewed, before any more text
  /// leaves (RFC 8446 section 4.6.3). By itself it does so when it is given text to write. False if the connection
  /// can't go on, for a reason in OpenSSL's queue.
  [[nodiscard]] bool answer_renewal() noexcept;

  /// \name What OpenSSL calls its BIO for
  /// @{
  [[nodiscard]] long control(int command, long number, const void* pointer) noexcept;
  /// Takes a record while this is active. False if the connection can't go on, for a reason in OpenSSL's queue. Throws
  /// std::bad_alloc.
  [[nodiscard]] bool write(Bytes content);
  /// @}

 private:
  struct Record {
    std::uint8_t type;
    Buffer content;
    std::optional<transport::KernelKeys> next;  // For what follows it: it renews the keys.
  };

  static void note_secret(const SSL* connection, const char* line) noexcept;
  [[nodiscard]] bool take_keys(const void* crypto_info) noexcept;
  [[nodiscard]] const transport::KernelKeys& renew();
  [[nodiscard]] bool refuse_renewal();
  void send_or_wait(Record record);
  [[nodiscard]] bool send(const Record& record) noexcept;

  SSL& connection_;
  transport::Stream& below_;
  RecordIo& io_;
  // The last keys, which the kernel may not have yet: a record that waits has them.
  std::optional<transport::KernelKeys> keys_;
  // What they come from; for TLS 1.3, where the kernel takes new ones.
  std::optional<TrafficSecret> secret_;
  std::vector<Record> waiting_;
  std::uint8_t type_ = SSL3_RT_APPLICATION_DATA;  // Of the record that OpenSSL writes next.
};

}  // namespace tidewire::tls
