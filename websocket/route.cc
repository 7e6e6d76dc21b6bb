#include <tidewire/core/log_limit.h>
#include <tidewire/websocket/handshake.h>
#include <tidewire/websocket/origin.h>
#include <tidewire/websocket/route.h>
#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>

namespace tidewire::websocket {

/// A handshake that waits for its authorisation, on the loop's thread.
struct PendingHandshake {
  PendingHandshake(const EndpointRef& at, const http::Request& from) : endpoint(at), request(&from) {}

  static Decision ask(http::Deferred answer, std::shared_ptr<PendingHandshake> pending) {
    return {std::move(answer), std::move(pending)};
  }

  EndpointRef endpoint;
  AcceptKey accept{};
  std::string subprotocol;  // Chosen; may be empty.
  std::optional<AcceptedExtension<DeflateAgreement>> deflate;
  const http::Request* request;
  std::optional<http::OwnedRequest> kept;  // Behind `request`, once the callback that got it has returned.
};

namespace {

class CallbackHandler final : public Handler {
 public:
  explicit CallbackHandler(const Callbacks& callbacks) noexcept : callbacks_(callbacks) {}

  void on_open(Connection& peer) override {
    if (callbacks_.on_open) callbacks_.on_open(peer);
  }
  void on_message(Connection& peer, const Message& message) override {
    if (callbacks_.on_message) callbacks_.on_message(peer, message);
  }
  void on_fragment(Connection& peer, const Fragment& fragment) override {
    if (callbacks_.on_fragment) callbacks_.on_fragment(peer, fragment);
  }
  void on_drain(Connection& peer) override {
    if (callbacks_.on_drain) callbacks_.on_drain(peer);
  }
  void on_close(Connection& peer, const CloseInfo& why) override {
    if (callbacks_.on_close) callbacks_.on_close(peer, why);
  }

 private:
  const Callbacks& callbacks_;  // The endpoint's, which outlives its connections.
};

/// A handler that somebody else made.
class MadeHandler final : public Handler {
 public:
  explicit MadeHandler(std::unique_ptr<Handler> made) : made_(std::move(made)) {
    if (made_ == nullptr) throw std::invalid_argument("no handler was made");
  }

  void on_open(Connection& peer) override { made_->on_open(peer); }
  void on_message(Connection& peer, const Message& message) override { made_->on_message(peer, message); }
  void on_fragment(Connection& peer, const Fragment& fragment) override { made_->on_fragment(peer, fragment); }
  void on_ping(Connection& peer, Bytes payload) override { made_->on_ping(peer, payload); }
  void on_pong(Connection& peer, Bytes payload) override { made_->on_pong(peer, payload); }
  void on_drain(Connection& peer) override { made_->on_drain(peer); }
  void on_close(Connection& peer, const CloseInfo& why) override { made_->on_close(peer, why); }

 private:
  std::unique_ptr<Handler> made_;
};

void refuse(http::Response& response, const HandshakeRefusal& refusal) {
  if (!refusal.field.name.empty()) response.header(refusal.field.name, refusal.field.value);
  response.send(refusal.status, std::string(refusal.detail) + "\n");
}

std::string choose_subprotocol(const Endpoint& endpoint, const http::Request& request, const HandshakeOffer& offer) {
  if (!endpoint.options.choose_subprotocol || offer.subprotocols.empty()) return {};
  const std::string_view chosen = endpoint.options.choose_subprotocol(request, offer.subprotocols);
  // A client must fail the connection if it gets what it did not offer (RFC 6455 4.1).
  if (chosen.empty() || std::ranges::find(offer.subprotocols, chosen) != offer.subprotocols.end()) {
    return std::string(chosen);
  }
  log_limited(endpoint.loop, LogLevel::error, "subprotocol chosen that the client did not offer; none is used");
  return {};
}

/// Makes the handler before the client is told: if it throws, the answer is a 500 instead of a 101.
void accept(PendingHandshake& pending, http::Response& response) {
  auto connection = pending.endpoint->make_connection(pending.endpoint, *pending.request);
  response.header("Sec-WebSocket-Accept", text_of(pending.accept));
  if (!pending.subprotocol.empty()) response.header("Sec-WebSocket-Protocol", pending.subprotocol);
  if (pending.deflate) {
    connection->use_deflate(pending.deflate->agreement);
    response.header("Sec-WebSocket-Extensions", format_extensions({pending.deflate->answer}));
  }
  response.switch_protocols("websocket", [connection = std::move(connection), subprotocol = pending.subprotocol](
                                             transport::StreamPtr stream, transport::Sessions& sessions) mutable {
    return Connection::start(std::move(connection), std::move(stream), sessions, std::move(subprotocol));
  });
}

void authorize(const std::shared_ptr<PendingHandshake>& pending, http::Response& response) {
  const http::Request& request = *pending->request;
  pending->endpoint->options.authorize(request, PendingHandshake::ask(response.defer(), pending));
  if (response.started()) return;
  pending->kept.emplace(request);
  pending->request = &pending->kept->get();
}

void shake_hands(const EndpointRef& endpoint, const http::Request& request, http::Response& response) {
  auto judged = judge_request(
      {.method = request.method_text(), .http_1_1 = request.minor_version() >= 1, .fields = request.headers()});
  if (const auto* refusal = std::get_if<HandshakeRefusal>(&judged)) return refuse(response, *refusal);
  if (!origin_allowed(request.headers(), endpoint->options.allowed_origins, request.is_secure())) {
    response.send(http::Status::forbidden, "this origin may not connect\n");
    return;
  }
  auto& offer = std::get<HandshakeOffer>(judged);
  PendingHandshake pending(endpoint, request);
  pending.subprotocol = choose_subprotocol(*endpoint, request, offer);
  pending.accept = offer.accept;
  if (endpoint->options.deflate) pending.deflate = accept_deflate(*endpoint->options.deflate, offer.extensions);
  if (!endpoint->options.authorize) return accept(pending, response);
  authorize(std::make_shared<PendingHandshake>(std::move(pending)), response);
}

/// What is wrong with the options; nothing if they will do.
std::optional<Error> check(std::string_view pattern, const Options& options) {
  const char* wrong = nullptr;
  if (options.max_message_size == 0) wrong = "max_message_size is 0: no message could be received";
  if (options.max_fragments == 0) wrong = "max_fragments is 0: no message could be received";
  if (options.high_water_mark > options.max_backpressure) wrong = "high_water_mark is above max_backpressure";
  if (options.ping_interval.count() < 0 || options.pong_timeout.count() <= 0 || options.close_timeout.count() <= 0) {
    wrong = "a timeout is negative or 0";
  }
  if (options.message_timeout.count() < 0) wrong = "message_timeout is negative";
  if (options.min_bytes_per_second != 0 && options.rate_window.count() <= 0) wrong = "rate_window is negative or 0";
  const std::string route = "route \"" + std::string(pattern) + "\": ";
  if (wrong != nullptr) return Error{Errc::invalid_configuration, route + wrong};
  if (!options.deflate) return std::nullopt;
  if (auto checked = check_deflate(*options.deflate); !checked) {
    return Error{Errc::invalid_configuration, route + std::move(checked).error().detail};
  }
  return std::nullopt;
}

}  // namespace

void Decision::accept() const {
  answer_.run([pending = pending_](http::Response& response) {
    if (!response.started()) websocket::accept(*pending, response);
  });
}

void Decision::reject(http::Status status, std::string_view text) const { answer_.send(status, text); }

void Decision::reject(Callback<void(http::Response&)> answer) const {
  answer_.run([answer = std::move(answer)](http::Response& response) mutable {
    if (!response.started()) answer(response);
  });
}

void detail::mount(http::Server& server, std::string_view pattern, Options options, ConnectionFactory make) {
  if (auto wrong = check(pattern, options)) return server.fail_configuration(*std::move(wrong));
  const EndpointRef endpoint(new Endpoint(server.loop(), std::move(options), std::move(make)));
  server.upgrade("websocket", pattern, [endpoint](const http::Request& request, http::Response& response) {
    shake_hands(endpoint, request, response);
  });
}

void route(http::Server& server, std::string_view pattern, Options options, HandlerFactory make) {
  detail::mount(server, pattern, std::move(options),
                [make = std::move(make)](const EndpointRef& endpoint, const http::Request& request) mutable {
                  return std::make_unique<HostedConnection<MadeHandler>>(endpoint, make(request));
                });
}

void route(http::Server& server, std::string_view pattern, Callbacks callbacks, Options options) {
  detail::mount(
      server, pattern, std::move(options),
      [shared = std::make_unique<Callbacks>(std::move(callbacks))](const EndpointRef& endpoint, const http::Request&) {
        return std::make_unique<HostedConnection<CallbackHandler>>(endpoint, *shared);
      });
}

}  // namespace tidewire::websocket
