#pragma once

#include <tidewire/tls/context.h>
#include <tidewire/tls/context_state.h>
#include <memory>

namespace tidewire::tls {

/// A client's context. Sessions to resume are the SSL_CTX's own: a reload, by which other roots may be trusted, forgets
/// those that were made before.
class ClientContext final : public ContextState {
 public:
  [[nodiscard]] static Result<std::shared_ptr<ContextState>> create(const ClientOptions& options);

  [[nodiscard]] bool is_server() const noexcept override { return false; }
  [[nodiscard]] Result<SslPtr> new_client_connection(const std::string& host, std::uint16_t port) override;

  explicit ClientContext(const ClientOptions& options) : options_(options) {}

 private:
  Result<Made> make() const override;

  const ClientOptions options_;
};

}  // namespace tidewire::tls
