#include <tidewire/transport/kernel_tls.h>

#ifdef __linux__
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>

#include <tidewire/transport/socket_calls.h>
#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>

// C libraries that are older than the protocol lack its level.
#ifndef SOL_TLS
#define SOL_TLS 282
#endif

namespace tidewire::transport {

/// Where a suite's structure has what, after its head of version and suite: IV, key, salt, sequence number.
struct KernelKeys::Layout {
  std::uint16_t cipher;
  std::uint8_t iv, key, salt;  // Sizes.
  bool explicit_nonce;         // TLS 1.2 sends the IV with each record; 1.3 never does.

  static constexpr std::size_t head_bytes = sizeof(tls_crypto_info);
  static constexpr std::size_t sequence_bytes = 8;
  static constexpr std::size_t iv_at = head_bytes;
  [[nodiscard]] constexpr std::size_t key_at() const noexcept { return iv_at + iv; }
  [[nodiscard]] constexpr std::size_t salt_at() const noexcept { return key_at() + key; }
  [[nodiscard]] constexpr std::size_t sequence_at() const noexcept { return salt_at() + salt; }
  [[nodiscard]] constexpr std::size_t size() const noexcept { return sequence_at() + sequence_bytes; }
};

const KernelKeys::Layout* KernelKeys::layout_of(const void* crypto_info) noexcept {
  static constexpr std::array<Layout, 3> layouts{{
      {TLS_CIPHER_AES_GCM_128, 8, 16, 4, true},
      {TLS_CIPHER_AES_GCM_256, 8, 32, 4, true},
      {TLS_CIPHER_CHACHA20_POLY1305, 12, 32, 0, false},
  }};
  static_assert(layouts[0].size() == sizeof(tls12_crypto_info_aes_gcm_128));
  static_assert(layouts[1].size() == sizeof(tls12_crypto_info_aes_gcm_256));
  static_assert(layouts[2].size() == sizeof(tls12_crypto_info_chacha20_poly1305));
  static_assert(max_bytes == std::max(layouts[1].size(), layouts[2].size()));

  tls_crypto_info head;
  std::memcpy(&head, crypto_info, sizeof head);
  if (head.version != TLS_1_2_VERSION && head.version != TLS_1_3_VERSION) return nullptr;
  for (const Layout& each : layouts) {
    if (each.cipher == head.cipher_type) return &each;
  }
  return nullptr;
}

std::optional<KernelKeys> KernelKeys::from(const void* crypto_info) noexcept {
  const Layout* const layout = layout_of(crypto_info);
  if (layout == nullptr) return std::nullopt;
  KernelKeys keys;
  keys.size_ = layout->size();
  std::memcpy(keys.bytes_.data(), crypto_info, keys.size_);
  return keys;
}

KernelKeys::~KernelKeys() { ::explicit_bzero(bytes_.data(), bytes_.size()); }

KernelKeys KernelKeys::renewed(Bytes key, Bytes nonce) const noexcept {
  const Layout& at = layout();
  assert(key.size() == at.key && nonce.size() == nonce_bytes);
  KernelKeys next(*this);
  std::ranges::copy(key, next.part(at.key_at(), at.key).begin());
  std::ranges::copy(nonce.first(at.salt), next.part(at.salt_at(), at.salt).begin());
  std::ranges::copy(nonce.subspan(at.salt), next.part(Layout::iv_at, at.iv).begin());
  std::ranges::fill(next.part(at.sequence_at(), Layout::sequence_bytes), std::byte{0});
  return next;
}

bool KernelKeys::for_tls_1_3() const noexcept {
  return load_native<std::uint16_t>(bytes_.data() + offsetof(tls_crypto_info, version)) == TLS_1_3_VERSION;
}

bool KernelKeys::is_chacha() const noexcept { return layout().cipher == TLS_CIPHER_CHACHA20_POLY1305; }

Bytes KernelKeys::key() const noexcept { return crypto_info().subspan(layout().key_at(), layout().key); }

std::array<std::byte, KernelKeys::nonce_bytes> KernelKeys::nonce() const noexcept {
  std::array<std::byte, nonce_bytes> whole{};
  const Layout& at = layout();
  std::ranges::copy(crypto_info().subspan(at.salt_at(), at.salt), whole.begin());
  std::ranges::copy(crypto_info().subspan(Layout::iv_at, at.iv), whole.begin() + at.salt);
  return whole;
}

std::uint64_t KernelKeys::sequence() const noexcept {
  return load_big_endian<std::uint64_t>(bytes_.data() + layout().sequence_at());
}

std::uint32_t KernelKeys::record_overhead_bytes() const noexcept {
  constexpr std::uint32_t header_bytes = 5;
  constexpr std::uint32_t type_bytes = 1;
  constexpr std::uint32_t tag_bytes = 16;
  if (for_tls_1_3()) return header_bytes + type_bytes + tag_bytes;
  return header_bytes + tag_bytes + (layout().explicit_nonce ? layout().iv : 0U);
}

bool KernelKeys::operator==(const KernelKeys& other) const noexcept {
  return std::ranges::equal(crypto_info(), other.crypto_info());
}

namespace {

/// Whether a file of the kernel's has `word` among those that spaces and lines separate.
bool has_word(const char* file, std::string_view word) {
  std::ifstream in(file);
  for (std::string each; in >> each;) {
    if (each == word) return true;
  }
  return false;
}

/// What the peer has acknowledged, modulo 2^32; nothing when the connection has ended.
std::optional<std::uint32_t> acknowledged(int socket) noexcept {
  constexpr std::uint8_t state_closed = 7;  // TCP_CLOSE, which the kernel's headers keep to themselves.
  tcp_info info{};
  socklen_t size = sizeof info;
  const bool told = ::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0;
  if (!told || info.tcpi_state == state_closed) return std::nullopt;
  return static_cast<std::uint32_t>(info.tcpi_bytes_acked);
}

/// All that TCP was ever given on this connection, acknowledged or not, modulo 2^32; nothing when it has ended.
std::optional<std::uint32_t> given_to_tcp(int socket) noexcept {
  // What is acknowledged between the two questions counts in neither, or twice. Then they are asked again.
  for (int attempts = 0; attempts < 100; ++attempts) {
    const auto before = acknowledged(socket);
    int unacknowledged = 0;
    if (!before || ::ioctl(socket, SIOCOUTQ, &unacknowledged) != 0) return std::nullopt;
    const auto after = acknowledged(socket);
    if (!after) return std::nullopt;
    if (before == after) return *after + static_cast<std::uint32_t>(unacknowledged);
  }
  return std::nullopt;
}

/// The keys that the kernel uses, with the number of the next record.
std::optional<KernelKeys> keys_in_use(int socket) noexcept {
  tls_crypto_info head{};
  socklen_t size = sizeof head;
  if (::getsockopt(socket, SOL_TLS, TLS_TX, &head, &size) != 0) return std::nullopt;
  std::array<std::byte, 64> bytes{};
  std::memcpy(bytes.data(), &head, sizeof head);
  const auto known = KernelKeys::from(bytes.data());
  if (!known) return std::nullopt;
  size = static_cast<socklen_t>(known->crypto_info().size());
  const bool told = ::getsockopt(socket, SOL_TLS, TLS_TX, bytes.data(), &size) == 0;
  auto keys = told ? KernelKeys::from(bytes.data()) : std::nullopt;
  ::explicit_bzero(bytes.data(), bytes.size());
  return keys;
}

/// What records of these keys had beside their text, up to the next of them.
std::uint32_t overhead_so_far(const KernelKeys& keys) noexcept {
  return static_cast<std::uint32_t>(keys.sequence()) * keys.record_overhead_bytes();
}

/// Before its version 5.16 the kernel doesn't tell of keys for ChaCha20, and so not how many records it has made.
bool tells_of(const KernelKeys& keys) noexcept {
  static const bool tells_of_all = [] {
    utsname system{};
    int major = 0;
    int minor = 0;
    if (::uname(&system) != 0 || std::sscanf(system.release, "%d.%d", &major, &minor) != 2) return false;
    return std::pair(major, minor) >= std::pair(5, 16);
  }();
  return tells_of_all || !keys.is_chacha();
}

int set_keys(int socket, const KernelKeys& keys) noexcept {
  const Bytes info = keys.crypto_info();
  return ::setsockopt(socket, SOL_TLS, TLS_TX, info.data(), static_cast<socklen_t>(info.size())) == 0 ? 0 : -errno;
}

}  // namespace

KernelTlsOffer KernelTlsOffer::now() noexcept {
  try {
    if (!has_word("/proc/sys/net/ipv4/tcp_available_ulp", "tls")) return {};
    // The counter came with what it counts.
    return {.records = true, .renewals = has_word("/proc/net/tls_stat", "TlsTxRekeyOk")};
  } catch (...) {
    return {};  // Without memory to read what it says, we do without.
  }
}

std::optional<std::uint32_t> begin_kernel_records(int socket, const KernelKeys& keys) noexcept {
  const auto given = given_to_tcp(socket);
  if (!given || !tells_of(keys)) return std::nullopt;
  constexpr char protocol[] = "tls";
  // The protocol alone, without keys, changes nothing.
  if (::setsockopt(socket, IPPROTO_TCP, TCP_ULP, protocol, sizeof protocol) != 0) return std::nullopt;
  if (set_keys(socket, keys) != 0) return std::nullopt;
  return *given - overhead_so_far(keys);
}

int renew_kernel_keys(int socket, const KernelKeys& keys, std::uint32_t& count) noexcept {
  const auto last = keys_in_use(socket);
  if (!last) return -EINVAL;
  if (const int status = set_keys(socket, keys); status != 0) return status;
  // The next records are counted from the first on.
  count += overhead_so_far(*last) - overhead_so_far(keys);
  return 0;
}

ssize_t send_kernel_record(int socket, std::uint8_t type, Bytes content) noexcept {
  iovec piece = as_iovec(content);
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof type)> control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_TLS;
  header->cmsg_type = TLS_SET_RECORD_TYPE;
  header->cmsg_len = CMSG_LEN(sizeof type);
  std::memcpy(CMSG_DATA(header), &type, sizeof type);
  return send_message(socket, message);
}

bool kernel_records_sent(int socket, std::uint32_t count) noexcept {
  if (!acknowledged(socket)) return true;
  const auto keys = keys_in_use(socket);
  const auto given = given_to_tcp(socket);
  if (!keys) return true;
  return given && static_cast<std::int32_t>(*given - (count + overhead_so_far(*keys))) >= 0;
}

}  // namespace tidewire::transport

#else

#include <cerrno>

// Elsewhere nothing is offered, and nobody has keys.
namespace tidewire::transport {

KernelTlsOffer KernelTlsOffer::now() noexcept { return {}; }
std::optional<KernelKeys> KernelKeys::from(const void*) noexcept { return std::nullopt; }
KernelKeys::~KernelKeys() = default;
KernelKeys KernelKeys::renewed(Bytes, Bytes) const noexcept { return *this; }
bool KernelKeys::for_tls_1_3() const noexcept { return false; }
bool KernelKeys::is_chacha() const noexcept { return false; }
Bytes KernelKeys::key() const noexcept { return {}; }
std::array<std::byte, KernelKeys::nonce_bytes> KernelKeys::nonce() const noexcept { return {}; }
std::uint64_t KernelKeys::sequence() const noexcept { return 0; }
std::uint32_t KernelKeys::record_overhead_bytes() const noexcept { return 0; }
bool KernelKeys::operator==(const KernelKeys&) const noexcept { return true; }
std::optional<std::uint32_t> begin_kernel_records(int, const KernelKeys&) noexcept { return std::nullopt; }
int renew_kernel_keys(int, const KernelKeys&, std::uint32_t&) noexcept { return -ENOTSUP; }
ssize_t send_kernel_record(int, std::uint8_t, Bytes) noexcept { return -ENOTSUP; }
bool kernel_records_sent(int, std::uint32_t) noexcept { return true; }

}  // namespace tidewire::transport

#endif
