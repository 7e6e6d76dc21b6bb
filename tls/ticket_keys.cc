#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <tidewire/tls/digest.h>
#include <tidewire/tls/openssl_error.h>
#include <tidewire/tls/pem.h>
#include <tidewire/tls/ticket_keys.h>
#include <algorithm>

namespace tidewire::tls {
namespace {

// What the callback answers, as OpenSSL's manual has it.
constexpr int failed = -1;
constexpr int no_key = 0;
constexpr int ready = 1;
constexpr int ready_and_renew = 2;

/// A key that is wiped when it is done with.
struct Wiped {
  explicit Wiped(const TicketKey& from) noexcept : key(from) {}
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
  ~Wiped() { OPENSSL_cleanse(&key, sizeof key); }
  TicketKey key;
};

const unsigned char* data_of(const std::array<std::byte, 32>& key) noexcept {
  return reinterpret_cast<const unsigned char*>(key.data());
}

bool set_hmac_key(EVP_MAC_CTX* mac, const TicketKey& key) noexcept {
  char digest[] = "SHA256";
  auto* secret = const_cast<unsigned char*>(data_of(key.hmac_key));
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, secret, key.hmac_key.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end(),
  };
  return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

}  // namespace

Result<TicketKey> TicketKey::from_file(const std::string& file) {
  auto read = read_file(file);
  if (!read) return std::move(read).error();
  const PemText text(file, *std::move(read));
  TicketKey key;
  static_assert(sizeof key == 80, "the file has its fields, in their order");
  if (text.text().size() != sizeof key) {
    return unusable(file + ": has " + std::to_string(text.text().size()) + " bytes; a ticket key has 80");
  }
  std::memcpy(&key, text.text().data(), sizeof key);
  return key;
}

Result<TicketKey> TicketKey::random() {
  TicketKey key;
  auto filled = random_bytes({reinterpret_cast<std::byte*>(&key), sizeof key});
  if (!filled) return std::move(filled).error();
  return key;
}

TicketKeys::~TicketKeys() { OPENSSL_cleanse(keys_.data(), keys_.size() * sizeof(TicketKey)); }

Result<void> TicketKeys::set(std::span<const TicketKey> keys) {
  const auto refuse = [](const char* why) { return Error{make_error_code(Errc::invalid_argument), why}; };
  if (keys.empty()) return refuse("ticket keys: there is none");
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto has_same_name = [&](const TicketKey& other) { return other.name == keys[i].name; };
    if (std::any_of(keys.begin() + static_cast<std::ptrdiff_t>(i) + 1, keys.end(), has_same_name)) {
      return refuse("ticket keys: two have the same name");
    }
  }
  std::vector<TicketKey> next(keys.begin(), keys.end());
  {
    const std::lock_guard lock(mutex_);
    keys_.swap(next);
    are_given_ = true;
  }
  OPENSSL_cleanse(next.data(), next.size() * sizeof(TicketKey));
  return {};
}

Result<void> TicketKeys::renew_if_due(Clock::time_point now) {
  if (are_given_ || (!keys_.empty() && now - made_at_ < lifetime_)) return {};
  auto made = TicketKey::random();
  if (!made) return std::move(made).error();
  // What the last key made has expired altogether once that key could have been renewed twice.
  const bool keep_last = !keys_.empty() && now - made_at_ < 2 * lifetime_;
  keys_.reserve(2);
  if (keep_last) {
    keys_.resize(1);
    keys_.insert(keys_.begin(), *made);
  } else {
    keys_.assign(1, *made);
  }
  made_at_ = now;
  return {};
}

Result<TicketKey> TicketKeys::encrypting(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (auto renewed = renew_if_due(now); !renewed) return std::move(renewed).error();
  return keys_.front();
}

std::optional<TicketKeys::Found> TicketKeys::decrypting(Bytes name, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  // A key that is due must not stay the newest, lest its tickets are not replaced.
  if (!renew_if_due(now)) return {};
  const auto found = std::find_if(keys_.begin(), keys_.end(), [&](const TicketKey& key) {
    return std::equal(key.name.begin(), key.name.end(), name.begin(), name.end());
  });
  if (found == keys_.end()) return {};
  return Found{*found, found == keys_.begin()};
}

int TicketKeys::prepare(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                        bool encrypt) noexcept try {
  const auto now = Clock::now();
  const auto name_bytes = std::as_writable_bytes(std::span(name, std::tuple_size_v<decltype(TicketKey::name)>));
  if (encrypt) {
    const auto newest = encrypting(now);
    if (!newest) return failed;
    const Wiped wiped(*newest);
    const auto iv_size = static_cast<std::size_t>(EVP_CIPHER_get_iv_length(EVP_aes_256_cbc()));
    if (!random_bytes(std::as_writable_bytes(std::span(iv, iv_size)))) return failed;
    std::copy(wiped.key.name.begin(), wiped.key.name.end(), name_bytes.begin());
    const int begun = EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, data_of(wiped.key.aes_key), iv);
    return begun == 1 && set_hmac_key(mac, wiped.key) ? ready : failed;
  }
  const auto found = decrypting(name_bytes, now);
  if (!found) return no_key;
  const Wiped wiped(found->key);
  const int begun = EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, data_of(wiped.key.aes_key), iv);
  if (begun != 1 || !set_hmac_key(mac, wiped.key)) return failed;
  // A client uses a ticket of TLS 1.3 once (RFC 8446 appendix C.4), so it needs another each time.
  return found->is_newest && SSL_version(ssl) != TLS1_3_VERSION ? ready : ready_and_renew;
} catch (...) {
  return failed;
}

}  // namespace tidewire::tls
