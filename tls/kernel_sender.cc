#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <tidewire/tls/context_state.h>
#include <tidewire/tls/kernel_sender.h>
#include <tidewire/tls/openssl_error.h>
#include <tidewire/transport/attempt.h>
#include <algorithm>
#include <memory>
#include <new>
#include <string_view>
#include <utility>

namespace tidewire::tls {
namespace {

using EvpKdfPtr = OpensslPtr<EVP_KDF, EVP_KDF_free>;
using EvpKdfCtxPtr = OpensslPtr<EVP_KDF_CTX, EVP_KDF_CTX_free>;

// What bio.h names in a comment alone.
constexpr int set_keys_command = 72;
constexpr int set_type_command = 74;
constexpr int clear_type_command = 75;

struct Policy {
  bool always;
};
using Attached = AttachedTo<Policy>;

/// HKDF-Expand-Label with an empty context (RFC 8446 section 7.1).
bool expand_label(const EVP_MD& hash, Bytes secret, std::string_view label, MutableBytes to) noexcept {
  const EvpKdfPtr kdf(EVP_KDF_fetch(nullptr, OSSL_KDF_NAME_TLS1_3_KDF, nullptr));
  const EvpKdfCtxPtr context(kdf ? EVP_KDF_CTX_new(kdf.get()) : nullptr);
  if (!context) return false;
  constexpr std::string_view prefix = "tls13 ";
  int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
  // OpenSSL's parameters serve answers too, so they have no const.
  const auto octets = [](const char* name, std::string_view value) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<char*>(value.data()), value.size());
  };
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, const_cast<char*>(EVP_MD_get0_name(&hash)), 0),
      octets(OSSL_KDF_PARAM_KEY, as_text(secret)),
      octets(OSSL_KDF_PARAM_PREFIX, prefix),
      octets(OSSL_KDF_PARAM_LABEL, label),
      OSSL_PARAM_construct_end(),
  };
  return EVP_KDF_derive(context.get(), reinterpret_cast<unsigned char*>(to.data()), to.size(), parameters) == 1;
}

/// Which sender a connection has, for OpenSSL's callback.
int index_of_sender() noexcept {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

}  // namespace

// Secrets

TrafficSecret::TrafficSecret(Bytes secret) noexcept : size_(std::min(secret.size(), max_bytes)) {
  std::ranges::copy(secret.first(size_), bytes_.begin());
}

TrafficSecret::~TrafficSecret() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

std::optional<TrafficSecret> TrafficSecret::next(const EVP_MD& hash) const noexcept {
  TrafficSecret following({});
  following.size_ = size_;
  if (!expand_label(hash, view(), "traffic upd", MutableBytes(following.bytes_).first(size_))) return std::nullopt;
  return following;
}

std::optional<transport::KernelKeys> TrafficSecret::keys(const EVP_MD& hash,
                                                         const transport::KernelKeys& last) const noexcept {
  std::array<std::byte, max_bytes> bytes{};
  const MutableBytes key = MutableBytes(bytes).first(last.key().size());
  const MutableBytes nonce = MutableBytes(bytes).subspan(key.size(), transport::KernelKeys::nonce_bytes);
  std::optional<transport::KernelKeys> made;
  if (expand_label(hash, view(), "key", key) && expand_label(hash, view(), "iv", nonce))
    made = last.renewed(key, nonce);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return made;
}

// What is allowed

void KernelSender::allow(SSL_CTX& context, bool renewals, bool always) {
  if (!Attached::attach(&context, std::make_unique<Policy>(Policy{always}))) throw std::bad_alloc();
  SSL_CTX_set_options(&context, SSL_OP_ENABLE_KTLS);
  if (renewals) SSL_CTX_set_keylog_callback(&context, &note_secret);
}

bool KernelSender::allowed(const SSL& connection) noexcept { return Attached::find(connection) != nullptr; }

KernelSender::KernelSender(SSL& connection, transport::Stream& below, RecordIo& io) noexcept
    : connection_(connection), below_(below), io_(io) {
  // Without it no secret is noted, and TLS 1.3 stays with OpenSSL.
  SSL_set_ex_data(&connection_, index_of_sender(), this);
}

KernelSender::~KernelSender() { SSL_set_ex_data(&connection_, index_of_sender(), nullptr); }

// From OpenSSL

/// Made to be written to a file for the eyes of debuggers: "LABEL CLIENT_RANDOM SECRET", in hexadecimal.
void KernelSender::note_secret(const SSL* connection, const char* text) noexcept {
  auto* const self = static_cast<KernelSender*>(SSL_get_ex_data(connection, index_of_sender()));
  const std::string_view line(text);
  const bool ours =
      line.starts_with(SSL_is_server(connection) == 1 ? "SERVER_TRAFFIC_SECRET_0 " : "CLIENT_TRAFFIC_SECRET_0 ");
  if (self == nullptr || !ours) return;
  std::array<unsigned char, TrafficSecret::max_bytes> secret{};
  std::size_t size = 0;
  if (OPENSSL_hexstr2buf_ex(secret.data(), secret.size(), &size, text + line.rfind(' ') + 1, '\0') == 1) {
    self->secret_.emplace(std::as_bytes(std::span(secret)).first(size));
  }
  OPENSSL_cleanse(secret.data(), secret.size());
}

long KernelSender::control(int command, long number, const void* pointer) noexcept {
  switch (command) {
    case set_keys_command: {
      const bool for_sending = number != 0;
      return for_sending && take_keys(pointer) ? 1 : 0;
    }
    case BIO_CTRL_GET_KTLS_SEND:
      return active() ? 1 : 0;
    case set_type_command:
      type_ = static_cast<std::uint8_t>(number);
      return 0;
    case clear_type_command:
      type_ = SSL3_RT_APPLICATION_DATA;
      return 0;
    default:
      return 0;
  }
}

bool KernelSender::take_keys(const void* crypto_info) noexcept {
  // From its version 3.2 on OpenSSL tells of renewed keys too: they are those that are derived here.
  if (active()) return true;
  const auto keys = transport::KernelKeys::from(crypto_info);
  if (!keys || (keys->for_tls_1_3() && !secret_ && !Attached::of(&connection_).always)) return false;
  // What OpenSSL encrypted itself goes before.
  Buffer& records = io_.output();
  if (!records.empty()) {
    if (transport::attempt([&] { below_.write_last(records.view()); })) return false;
    records.clear();
  }
  if (below_.try_encrypt(*keys)) keys_ = keys;
  return active();
}

bool KernelSender::answer_renewal() noexcept {
  if (SSL_get_key_update_type(&connection_) == SSL_KEY_UPDATE_NONE) return true;
  // In the middle of another message it can't be answered, and behind our close_notify it need not be.
  const bool said_goodbye = (SSL_get_shutdown(&connection_) & SSL_SENT_SHUTDOWN) != 0;
  if (SSL_is_init_finished(&connection_) == 0 || said_goodbye) return true;
  return SSL_key_update(&connection_, SSL_KEY_UPDATE_NOT_REQUESTED) == 1 && SSL_do_handshake(&connection_) == 1;
}

bool KernelSender::write(Bytes content) {
  Record record{.type = std::exchange(type_, std::uint8_t{SSL3_RT_APPLICATION_DATA}), .content = {}, .next = {}};
  record.content.append(content);
  const bool renews = record.type == SSL3_RT_HANDSHAKE && content.front() == std::byte{SSL3_MT_KEY_UPDATE};
  if (renews) {
    if (!secret_) return refuse_renewal();
    // RFC 8446 section 4.6.3: several requests, while we are silent, are answered by one.
    if (waits() && waiting_.back().next) return true;
    record.next = renew();
  }
  send_or_wait(std::move(record));
  return true;
}

void KernelSender::send_or_wait(Record record) {
  if (waits() || !send(record)) waiting_.push_back(std::move(record));
}

/// Throws std::bad_alloc, the one reason why nothing can be derived.
const transport::KernelKeys& KernelSender::renew() {
  const EVP_MD* const hash = SSL_CIPHER_get_handshake_digest(SSL_get_current_cipher(&connection_));
  const auto secret = secret_->next(*hash);
  const auto keys = secret ? secret->keys(*hash, *keys_) : std::nullopt;
  if (!keys) throw std::bad_alloc();
  secret_ = secret;
  keys_ = keys;
  return *keys_;
}

bool KernelSender::refuse_renewal() {
  const std::byte internal_error[] = {std::byte{SSL3_AL_FATAL}, std::byte{SSL_AD_INTERNAL_ERROR}};
  Record record{.type = SSL3_RT_ALERT, .content = {}, .next = {}};
  record.content.append(internal_error);
  send_or_wait(std::move(record));
  raise_openssl_error("the peer has the keys renewed, which this system's kernel can't do (kernel_tls: always)");
  return false;
}

// To the kernel

bool KernelSender::flush() noexcept {
  const auto left = std::ranges::find_if_not(waiting_, [this](const Record& record) { return send(record); });
  waiting_.erase(waiting_.begin(), left);
  return waiting_.empty();
}

/// False if it has to wait.
bool KernelSender::send(const Record& record) noexcept {
  return below_.try_write_record(record.type, record.content.view(), record.next ? &*record.next : nullptr);
}

}  // namespace tidewire::tls
