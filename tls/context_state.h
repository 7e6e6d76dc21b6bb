#pragma once

#include <tidewire/core/result.h>
#include <tidewire/tls/context.h>
#include <tidewire/tls/openssl_types.h>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tidewire::tls {

/// What the copies of a Context share. A reload makes a new SSL_CTX, with all that its connections need, and puts it in
/// place of the last: those that were made from that one keep it alive. Any thread.
class ContextState {
 public:
  ContextState() = default;
  ContextState(const ContextState&) = delete;
  ContextState& operator=(const ContextState&) = delete;
  virtual ~ContextState() = default;

  [[nodiscard]] virtual bool is_server() const noexcept = 0;

  /// A server's connection, by what holds now; in accept state and without BIOs. Errors: `invalid_argument` for a
  /// client's context; out of memory.
  [[nodiscard]] virtual Result<SslPtr> new_server_connection();

  /// A client's, in connect state and without BIOs. It has the name to ask for (SNI; not for IP addresses), the name or
  /// address that the certificate must be for, and the session to resume if there is one for this server. `host` is a
  /// name or an address, without brackets. Errors: `invalid_argument` for a host that is neither, or for a server's
  /// context; out of memory.
  [[nodiscard]] virtual Result<SslPtr> new_client_connection(const std::string& host, std::uint16_t port);

  [[nodiscard]] virtual Result<void> set_ticket_keys(std::span<const TicketKey> keys);

  /// As the Context's.
  [[nodiscard]] Result<void> reload();
  [[nodiscard]] std::optional<std::chrono::system_clock::time_point> expires() const;
  [[nodiscard]] std::vector<std::string> warnings() const;

 protected:
  using Expiry = std::optional<std::chrono::system_clock::time_point>;

  struct Made {
    SslCtxPtr context;
    Expiry expires;
    std::vector<std::string> warnings;
  };
  /// Reads and checks all anew.
  [[nodiscard]] virtual Result<Made> make() const = 0;

  /// A new connection by what holds now.
  [[nodiscard]] Result<SslPtr> new_connection() const;

 private:
  std::mutex reloading_;          // one at a time, so that what was read last holds in the end
  mutable std::mutex replacing_;  // held to copy or to swap
  SslCtxPtr context_;
  Expiry expires_;
  std::vector<std::string> warnings_;
};

/// An object that lives for as long as an SSL_CTX does, which its callbacks need: OpenSSL frees it with the context.
template <class Object>
struct AttachedTo {
  static bool attach(SSL_CTX* context, std::unique_ptr<Object> object) {
    if (SSL_CTX_set_ex_data(context, index(), object.get()) != 1) return false;
    static_cast<void>(object.release());
    return true;
  }
  [[nodiscard]] static Object& of(SSL* ssl) noexcept {
    return *static_cast<Object*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), index()));
  }

 private:
  static void release(void*, void* object, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<Object*>(object); }
  static int index() noexcept {
    static const int number = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, &release);
    return number;
  }
};

}  // namespace tidewire::tls
