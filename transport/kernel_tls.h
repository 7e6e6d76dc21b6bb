#pragma once

#include <sys/types.h>

#include <tidewire/core/bytes.h>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

/// TLS records that the kernel makes of what is written to a TCP socket, once it was given the keys: Linux's "tls"
/// upper layer protocol, for the sending side alone. The only module that knows its system calls.
///
/// The kernel says of text that it has taken it, though of the record TCP may not have had room for all; it sends the
/// rest by itself later, but not after `shutdown` or `close`. `kernel_records_sent` tells whether TCP has all. For that
/// a socket's user counts what the kernel has taken, modulo 2^32, from what `begin_kernel_records` says on.
namespace tidewire::transport {

/// What the kernel that runs offers, without anything being loaded for it.
struct KernelTlsOffer {
  bool records = false;   ///< It makes records: the module is there.
  bool renewals = false;  ///< It takes new keys in the place of old ones (TLS 1.3's KeyUpdate): Linux 6.14 or later.

  [[nodiscard]] static KernelTlsOffer now() noexcept;
};

/// A suite, a version and the secrets for one direction. They are wiped when this ends.
class KernelKeys {
 public:
  /// The kernel's own structure, as OpenSSL hands it to a BIO. Nothing for a suite that is not known here.
  [[nodiscard]] static std::optional<KernelKeys> from(const void* crypto_info) noexcept;
  KernelKeys(const KernelKeys&) noexcept = default;
  KernelKeys& operator=(const KernelKeys&) noexcept = default;
  ~KernelKeys();

  /// The same suite with a new key and nonce, for records from the first on (RFC 8446 section 7.2).
  [[nodiscard]] KernelKeys renewed(Bytes key, Bytes nonce) const noexcept;

  [[nodiscard]] bool for_tls_1_3() const noexcept;
  [[nodiscard]] bool is_chacha() const noexcept;
  [[nodiscard]] Bytes key() const noexcept;
  static constexpr std::size_t nonce_bytes = 12;
  [[nodiscard]] std::array<std::byte, nonce_bytes> nonce() const noexcept;
  /// The number of the next record.
  [[nodiscard]] std::uint64_t sequence() const noexcept;
  /// What a record has beside its text.
  [[nodiscard]] std::uint32_t record_overhead_bytes() const noexcept;

  /// The kernel's structure.
  [[nodiscard]] Bytes crypto_info() const noexcept { return {bytes_.data(), size_}; }
  [[nodiscard]] bool operator==(const KernelKeys& other) const noexcept;

 private:
  struct Layout;

  KernelKeys() noexcept = default;
  [[nodiscard]] static const Layout* layout_of(const void* crypto_info) noexcept;
  [[nodiscard]] const Layout& layout() const noexcept { return *layout_of(bytes_.data()); }
  [[nodiscard]] MutableBytes part(std::size_t offset, std::size_t size) noexcept {
    return MutableBytes(bytes_).subspan(offset, size);
  }

  static constexpr std::size_t max_bytes = 56;
  alignas(std::uint64_t) std::array<std::byte, max_bytes> bytes_{};
  std::size_t size_ = 0;
};

/// Gives a socket to which nothing waits to be written its keys: from now on the kernel encrypts. Returns where the
/// count begins; nothing when the kernel declines, and then all is as before.
[[nodiscard]] std::optional<std::uint32_t> begin_kernel_records(int socket, const KernelKeys& keys) noexcept;

/// Gives it new ones, for what follows. 0, or a negative error number.
[[nodiscard]] int renew_kernel_keys(int socket, const KernelKeys& keys, std::uint32_t& count) noexcept;

/// Sends one record that is not application data; `type` as RFC 8446 section 5.1 has them, at most 16 KiB. What the
/// kernel took, a negative error number, or 0 when it takes nothing now.
[[nodiscard]] ssize_t send_kernel_record(int socket, std::uint8_t type, Bytes content) noexcept;

/// Whether TCP has all records, or will not have them any more: the connection is at its end.
[[nodiscard]] bool kernel_records_sent(int socket, std::uint32_t count) noexcept;

}  // namespace tidewire::transport
