#include <tidewire/http/connection.h>
#include <tidewire/http/server.h>
#include <tidewire/http/server_state.h>
#include <cassert>

namespace tidewire::http {
namespace {

// What a client gets that speaks HTTP where TLS is spoken.
constexpr std::string_view tls_expected =
    "HTTP/1.1 400 Bad Request\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: 42\r\n"
    "Connection: close\r\n"
    "\r\n"
    "This port speaks TLS: begin with https://\n";

}  // namespace

Server::Server(Loop& loop, const ServerOptions& options) : state_(std::make_unique<ServerState>(loop, options)) {
  assert(loop.in_thread());
}

Server::~Server() {
  assert(state_->loop.in_thread());
  state_->listeners.clear();
  if (state_->loop.inherited()) {
    // The connections are the parent's, and so is what the handlers own.
    static_cast<void>(state_.release());
    return;
  }
  state_->drain_timer.cancel();
  state_->drained.clear();
  state_->sessions.on_empty(nullptr);
  {
    // Applications are told of the end of their connections, and may use what is left of the server.
    const ServerState::Pin pin(*state_);
    state_->sessions.abandon_all();
  }
  // A handler that destroys its own server returns into it.
  if (state_->pins != 0) {
    state_->orphaned = true;
    static_cast<void>(state_.release());
  }
}

Server& Server::handle(std::string_view method, std::string_view pattern, Handler handler) {
  const auto id = static_cast<RouteId>(state_->handlers.size());
  state_->handlers.push_back(std::move(handler));
  if (auto added = state_->router.add(method, pattern, id); !added) fail_configuration(std::move(added).error());
  return *this;
}

Server& Server::upgrade(std::string_view protocol, std::string_view pattern, Handler handler) {
  const auto id = static_cast<RouteId>(state_->handlers.size());
  state_->handlers.push_back(std::move(handler));
  if (auto added = state_->router.add_upgrade(protocol, pattern, id); !added) {
    fail_configuration(std::move(added).error());
  }
  return *this;
}

void Server::fail_configuration(Error error) {
  // The first one is what the others may follow from.
  if (!state_->configuration_error) state_->configuration_error = std::move(error);
}

Result<transport::Address> Server::listen(std::string_view address, const transport::ListenOptions& options) {
  return listen(address, options, [this](transport::StreamPtr stream) { serve(std::move(stream)); });
}

Result<transport::Address> Server::listen(std::string_view address, const tls::Context& context,
                                          const transport::ListenOptions& options) {
  if (!context.for_servers()) return Error{Errc::invalid_configuration, "a client's TLS context can't serve"};
  const tls::AcceptOptions accept{.handshake_timeout = state_->options.head_timeout,
                                  .answer_to_plain_text = tls_expected};
  for (const std::string& warning : context.warnings()) state_->loop.log(LogLevel::warning, warning);
  return listen(address, options, [this, context, accept](transport::StreamPtr stream) {
    if (!state_->draining) serve(tls::accept(context, std::move(stream), accept));
  });
}

Result<transport::Address> Server::listen(std::string_view address, const transport::ListenOptions& options,
                                          transport::Listener::OnAccept on_accept) {
  assert(state_->loop.in_thread());
  if (state_->draining) return Error{Errc::closed, "the server shuts down"};
  if (state_->configuration_error) return *state_->configuration_error;
  auto parsed = transport::Address::parse(address);
  if (!parsed) return parsed.error();
  auto listener = transport::Listener::open(state_->loop, *parsed, options, std::move(on_accept));
  if (!listener) return listener.error();
  state_->listeners.push_back(*std::move(listener));
  return state_->listeners.back()->address();
}

void Server::serve(transport::StreamPtr stream) {
  if (state_->draining) return;
  auto connection = std::make_unique<Connection>(*state_, std::move(stream));
  // From here on it owns itself.
  connection.release()->start();
}

void Server::drain(std::chrono::milliseconds deadline, std::function<void()> done) {
  assert(state_->loop.in_thread());
  state_->drain(deadline, std::move(done));
}

Loop& Server::loop() const noexcept { return state_->loop; }
const ServerCounters& Server::counters() const noexcept { return state_->counters; }
const Gauge& Server::open_connections() const noexcept { return state_->sessions.open(); }

}  // namespace tidewire::http
