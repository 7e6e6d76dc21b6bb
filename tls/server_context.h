#pragma once

#include <tidewire/tls/context.h>
#include <tidewire/tls/context_state.h>
#include <tidewire/tls/ticket_keys.h>
#include <chrono>
#include <functional>
#include <memory>

namespace tidewire::tls {

/// A server's context. The ticket keys are its own, and not the SSL_CTX's, so that they outlast reloads.
class ServerContext final : public ContextState {
 public:
  /// What a session's terms are held against; another one for tests. Any thread.
  using Clock = std::function<std::chrono::system_clock::time_point()>;

  [[nodiscard]] static Result<std::shared_ptr<ContextState>> create(const ServerOptions& options,
                                                                    Clock clock = std::chrono::system_clock::now);

  [[nodiscard]] bool is_server() const noexcept override { return true; }
  [[nodiscard]] Result<SslPtr> new_server_connection() override;
  [[nodiscard]] Result<void> set_ticket_keys(std::span<const TicketKey> keys) override;

  ServerContext(const ServerOptions& options, Clock clock);

 private:
  Result<Made> make() const override;

  const std::shared_ptr<const ServerOptions> options_;
  const std::shared_ptr<TicketKeys> ticket_keys_;
  const Clock clock_;
};

}  // namespace tidewire::tls
