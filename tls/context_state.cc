#include <tidewire/tls/context_state.h>
#include <tidewire/tls/openssl_error.h>

namespace tidewire::tls {
namespace {

Error not_for(std::string_view role) {
  return {make_error_code(Errc::invalid_argument), "this TLS context is a " + std::string(role) + "'s"};
}

}  // namespace

Result<SslPtr> ContextState::new_server_connection() { return not_for("client"); }

Result<SslPtr> ContextState::new_client_connection(const std::string&, std::uint16_t) { return not_for("server"); }

Result<void> ContextState::set_ticket_keys(std::span<const TicketKey>) { return not_for("client"); }

Result<void> ContextState::reload() {
  const std::lock_guard one_at_a_time(reloading_);
  auto made = make();
  if (!made) return std::move(made).error();
  // The last one, which may be freed by this, leaves the lock before it is.
  const std::lock_guard lock(replacing_);
  context_.swap(made->context);
  expires_ = made->expires;
  warnings_.swap(made->warnings);
  return {};
}

std::optional<std::chrono::system_clock::time_point> ContextState::expires() const {
  const std::lock_guard lock(replacing_);
  return expires_;
}

std::vector<std::string> ContextState::warnings() const {
  const std::lock_guard lock(replacing_);
  return warnings_;
}

Result<SslPtr> ContextState::new_connection() const {
  SslCtxPtr context;
  {
    const std::lock_guard lock(replacing_);
    if (SSL_CTX_up_ref(context_.get()) == 1) context.reset(context_.get());
  }
  SslPtr ssl(context ? SSL_new(context.get()) : nullptr);
  if (!ssl) {
    clear_openssl_errors();
    return Error{std::make_error_code(std::errc::not_enough_memory), "TLS connection"};
  }
  return ssl;
}

}  // namespace tidewire::tls
