#pragma once

#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <support/tls_contexts.h>
#include <tidewire/core/bytes.h>
#include <tidewire/tls/context_state.h>
#include <tidewire/tls/kernel_sender.h>
#include <tidewire/tls/openssl_types.h>
#include <tidewire/transport/kernel_tls.h>
#include <tidewire/transport/stream.h>
#include <algorithm>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// A kernel that makes TLS records, for machines whose own does not: what tests/kernel has for real.
namespace tidewire::testing {

using EvpCipherCtxPtr = tls::OpensslPtr<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;

/// Makes records as Linux does. OpenSSL's other end takes them or not: nothing here is of the code that is tested.
class RecordMaker {
 public:
  explicit RecordMaker(const transport::KernelKeys& keys) : keys_(keys), sequence_(keys.sequence()) {}

  /// One record, of at most 16 KiB.
  std::string make(std::uint8_t type, std::string text) {
    const bool is_1_3 = keys_.for_tls_1_3();
    if (is_1_3) text += static_cast<char>(type);
    std::string counter(8, '\0');
    store_big_endian(reinterpret_cast<std::byte*>(counter.data()), sequence_++);

    auto nonce = keys_.nonce();
    // Any that never comes again will do; Linux counts on from the one it was given.
    const std::string explicit_nonce = !is_1_3 && !keys_.is_chacha() ? counter : std::string();
    if (!explicit_nonce.empty()) {
      std::ranges::copy(as_bytes(explicit_nonce), nonce.begin() + 4);
    } else {
      for (std::size_t i = 0; i < 8; ++i) nonce[4 + i] ^= static_cast<std::byte>(counter[i]);
    }
    const auto header = [&](std::size_t size) {
      std::string bytes{static_cast<char>(is_1_3 ? 23 : type), 3, 3, 0, 0};
      store_big_endian(reinterpret_cast<std::byte*>(bytes.data() + 3), static_cast<std::uint16_t>(size));
      return bytes;
    };
    const std::string front = header(explicit_nonce.size() + text.size() + tag_bytes);
    const std::string additional = is_1_3 ? front : counter + header(text.size());
    return front + explicit_nonce + sealed(nonce, additional, text);
  }

 private:
  static constexpr int tag_bytes = 16;

  [[nodiscard]] const EVP_CIPHER* cipher() const {
    if (keys_.is_chacha()) return EVP_chacha20_poly1305();
    return keys_.key().size() == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
  }

  [[nodiscard]] std::string sealed(const std::array<std::byte, 12>& nonce, const std::string& additional,
                                   const std::string& text) const {
    const auto octets = [](const auto& bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); };
    const EvpCipherCtxPtr context(EVP_CIPHER_CTX_new());
    std::string out(text.size() + tag_bytes, '\0');
    auto* const to = reinterpret_cast<unsigned char*>(out.data());
    int size = 0;
    const bool made = context != nullptr &&
                      EVP_EncryptInit_ex(context.get(), cipher(), nullptr, octets(keys_.key()), octets(nonce)) == 1 &&
                      EVP_EncryptUpdate(context.get(), nullptr, &size, octets(additional),
                                        static_cast<int>(additional.size())) == 1 &&
                      EVP_EncryptUpdate(context.get(), to, &size, octets(text), static_cast<int>(text.size())) == 1 &&
                      EVP_EncryptFinal_ex(context.get(), to + size, &size) == 1 &&
                      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, tag_bytes, to + text.size()) == 1;
    // There is no other reason.
    if (!made) throw std::bad_alloc();
    return out;
  }

  transport::KernelKeys keys_;
  std::uint64_t sequence_;
};

/// What a test wants of the kernel behind a KernelStream, and what that has seen.
struct Kernel {
  bool declines = false;
  int refused_records = 0;                 ///< So many records that are not text are to wait.
  std::vector<std::uint8_t> records = {};  ///< The types of those that left.
  int renewals = 0;
  transport::Consumer* consumer = nullptr;  ///< Of the last stream: whom to tell that there is room again.
};

/// A stream whose kernel, once it has keys, encrypts. Text leaves in records of at most 16 KiB.
class KernelStream final : public transport::Stream {
 public:
  KernelStream(transport::StreamPtr inner, Kernel& kernel) : inner_(std::move(inner)), kernel_(kernel) {}

  void attach(transport::Consumer& consumer) noexcept override {
    kernel_.consumer = &consumer;
    inner_->attach(consumer);
  }
  void resume() override { inner_->resume(); }
  void pause() noexcept override { inner_->pause(); }
  MutableBytes reserve(std::size_t size) override {
    composed_.resize(size);
    return std::as_writable_bytes(std::span(composed_));
  }
  void commit(std::size_t count) override { write(as_bytes(composed_).first(count), {}); }
  void write(Bytes head, Bytes body) override {
    send(std::string(as_text(head)) + std::string(as_text(body)), [this](Bytes bytes) { inner_->write(bytes); });
  }
  void write(const SharedBytes& bytes) override { write(bytes.view(), {}); }
  void write_last(const SharedBytes& bytes) override { write_last(bytes.view()); }
  void write_last(Bytes bytes) override {
    send(std::string(as_text(bytes)), [this](Bytes records) { inner_->write_last(records); });
  }
  using Stream::write;
  [[nodiscard]] std::size_t queued_bytes() const noexcept override { return inner_->queued_bytes(); }
  void end() override { inner_->end(); }
  void close_when_sent() override { inner_->close_when_sent(); }
  void close() noexcept override { inner_->close(); }
  [[nodiscard]] bool closing() const noexcept override { return inner_->closing(); }
  [[nodiscard]] transport::Address local_address() const override { return inner_->local_address(); }
  [[nodiscard]] transport::Address peer_address() const override { return inner_->peer_address(); }
  [[nodiscard]] Loop& loop() const noexcept override { return inner_->loop(); }

  [[nodiscard]] bool try_encrypt(const transport::KernelKeys& keys) noexcept override {
    if (kernel_.declines) return false;
    maker_.emplace(keys);
    return true;
  }
  [[nodiscard]] bool try_write_record(std::uint8_t type, Bytes content,
                                      const transport::KernelKeys* next) noexcept override {
    if (kernel_.refused_records > 0) return --kernel_.refused_records, false;
    if (inner_->queued_bytes() != 0) return false;
    try {
      inner_->write_last(as_bytes(maker_->make(type, std::string(as_text(content)))));
      kernel_.records.push_back(type);
    } catch (const std::bad_alloc&) {
      inner_->close();
    }
    note_queued();
    if (next == nullptr) return true;
    maker_.emplace(*next);
    ++kernel_.renewals;
    return true;
  }

 private:
  ~KernelStream() override = default;
  void release() noexcept override { delete this; }

  template <class Write>
  void send(std::string text, Write write_bytes) {
    if (!maker_) {
      write_bytes(as_bytes(text));
    } else {
      constexpr std::size_t most = 16 * 1024;
      std::string records;
      for (std::size_t at = 0; at < text.size(); at += most) records += maker_->make(23, text.substr(at, most));
      write_bytes(as_bytes(records));
    }
    note_queued();
  }
  void note_queued() noexcept { has_queued_ = inner_->has_queued(); }

  transport::StreamPtr inner_;
  Kernel& kernel_;
  std::optional<RecordMaker> maker_;
  std::string composed_;
};

/// Has a context's connections use the kernel as if there was one that takes new keys, or one that doesn't.
inline tls::Context with_kernel(tls::Context context, bool renewals = true, bool always = false) {
  const auto connection = context.for_servers() ? context.state().new_server_connection()
                                                : context.state().new_client_connection("localhost", 443);
  tls::KernelSender::allow(*SSL_get_SSL_CTX(connection.value().get()), renewals, always);
  return context;
}

/// What tls_contexts.h has, with and without a kernel, and of one version.
inline tls::Context kernel_server_context(tls::ProtocolOptions protocol = {}, bool renewals = true,
                                          bool always = false) {
  const Issued issued = test_authority().issue({.dns_names = {"localhost"}, .addresses = {"127.0.0.1"}});
  protocol.kernel_tls = tls::KernelTls::never;
  return with_kernel(
      tls::Context::server(
          {.certificate = issued.certificate, .private_key = issued.private_key, .protocol = std::move(protocol)})
          .value(),
      renewals, always);
}

inline tls::Context kernel_client_context(tls::ProtocolOptions protocol = {}, bool renewals = true,
                                          bool always = false) {
  protocol.kernel_tls = tls::KernelTls::never;
  return with_kernel(
      tls::Context::client({.ca = test_authority().certificate(), .protocol = std::move(protocol)}).value(), renewals,
      always);
}

}  // namespace tidewire::testing
