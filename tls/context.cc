#include <tidewire/tls/client_context.h>
#include <tidewire/tls/context.h>
#include <tidewire/tls/server_context.h>

namespace tidewire::tls {

std::string_view name(Version version) noexcept { return version == Version::tls_1_2 ? "TLSv1.2" : "TLSv1.3"; }

Result<Context> Context::server(const ServerOptions& options) {
  auto state = ServerContext::create(options);
  if (!state) return std::move(state).error();
  return Context(*std::move(state));
}

Result<Context> Context::client(const ClientOptions& options) {
  auto state = ClientContext::create(options);
  if (!state) return std::move(state).error();
  return Context(*std::move(state));
}

bool Context::for_servers() const noexcept { return state_->is_server(); }

Result<void> Context::reload() { return state_->reload(); }

Result<void> Context::set_ticket_keys(std::span<const TicketKey> keys) { return state_->set_ticket_keys(keys); }

std::optional<std::chrono::system_clock::time_point> Context::expires() const { return state_->expires(); }

std::vector<std::string> Context::warnings() const { return state_->warnings(); }

}  // namespace tidewire::tls
