#include <tidewire/http/connection.h>
#include <algorithm>

namespace tidewire::http {

using transport::StreamPtr;

Connection::Connection(ServerState& server, StreamPtr stream) : server_(&server), stream_(std::move(stream)) {
  server.sessions.add(*this);
  server.counters.connections.add();
}

Connection::~Connection() {
  if (exchange_ && exchange_->ticket) exchange_->ticket->connection = nullptr;
}

void Connection::start() {
  stream_->attach(*this);
  enter(Phase::idle);
  stream_->resume();
}

std::string_view Connection::peer_text() {
  if (peer_.empty()) peer_ = stream_->peer_address().to_string();
  return peer_;
}

// From the stream

void Connection::on_end() {
  peer_ended_ = client_ended_ = true;
  switch (phase_) {
    case Phase::idle:
    case Phase::head:
    case Phase::body:
      // Requests that came before are answered yet; whoever goes on with them comes back here.
      if (dirty_ || !may_take() || (phase_ == Phase::idle && !input_.empty())) break;
      // Behind the last request, or within one that can't be completed any more.
      finish_last();
      break;
    case Phase::lingering:
      if (stream_->queued_bytes() == 0) stream_->close_when_sent();
      break;
    case Phase::answering:
      return heed_client_end();
    case Phase::closed:
      break;
  }
}

void Connection::on_peer_ended() {
  client_ended_ = true;
  heed_client_end();
}

/// A client that has ended its side may be waiting for its answer, or be gone: they look the same. One that is complete
/// at once is sent. An answer in pieces may have no end of its own, so unless the handler sees to it, it is over.
void Connection::heed_client_end() {
  if (phase_ != Phase::answering) return;
  Response& response = exchange_->response;
  if (response.client_end_told_) return;
  if (response.client_end_callback_) {
    response.client_end_told_ = true;
    const auto ended = std::exchange(response.client_end_callback_, nullptr);
    const ServerState::Pin pin(*server_);
    return call("peer end callback", ended);
  }
  if (response.state_ == Response::State::streaming) finish();
}

/// If the client's end has come already, sees to it at the end of the turn.
void Connection::await_client_end() {
  if (client_ended_ && phase_ == Phase::answering) touch();
}

void Connection::on_writable() {
  if (phase_ == Phase::closed) return;
  const std::size_t queued = stream_->queued_bytes();
  if (phase_ == Phase::lingering) {
    // Nothing waits but our own end, which may not have left yet: over TLS it is a record.
    if (queued == 0 && peer_ended_) stream_->close_when_sent();
    return;
  }
  if (queued > server_->options.high_water_bytes / 2) return;
  if (phase_ != Phase::answering) {
    if (!input_.empty() || peer_ended_) touch();
    return;
  }
  Response& response = exchange_->response;
  if (std::exchange(response.over_high_water_, false) && response.drain_callback_) {
    // The callback may replace itself.
    const auto ready = response.drain_callback_;
    const ServerState::Pin pin(*server_);
    call("drain callback", ready);
  }
}

void Connection::on_failed(const Error&) {
  finish();
  // A TLS stream may take its time to close, for an alert that is to arrive.
  tell_gone();
}

void Connection::touch() noexcept {
  if (std::exchange(dirty_, true)) return;
  server_->loop.flush_later(*this);
}

void Connection::flush() noexcept {
  dirty_ = false;
  if (destroy_in_flush_) {
    delete this;
  } else if (phase_ != Phase::closed && phase_ != Phase::lingering) {
    const ServerState::Pin pin(*server_);
    server_->loop.budget().begin_slice();
    const bool done = server_->loop.guard("connection", [this] {
      if (draining_) tell_shutdown();
      // The callback may have destroyed the server.
      if (phase_ == Phase::closed) return;
      process_input();
      if (client_ended_) heed_client_end();
    });
    if (!done) finish();
  }
}

// The end

/// The last answer has been given: lets it arrive. Closing while the peer still sends would reset the
/// connection, and with it the answer (RFC 9112 9.6).
void Connection::finish_last() {
  input_.release();
  release_exchange();
  enter(Phase::lingering);
  stream_->end();
  stream_->resume();
}

/// The one way out. What ends a connection is often a call of the application's, a write above all: the application
/// learns of the end when the loop has closed the stream, in `on_closed`, and never within such a call.
void Connection::finish() noexcept {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  server_->loop.disarm(*this);
  stream_->close();
  if (!exchange_) return;
  Response& response = exchange_->response;
  if (response.connection_ == nullptr || response.finished()) response.close_callback_ = nullptr;
  response.state_ = Response::State::finished;
  if (exchange_->ticket) exchange_->ticket->connection = nullptr;
}

/// The end of a connection with a client that takes nothing: the system drops what it holds for it.
void Connection::give_up() noexcept {
  stream_->abort();
  finish();
}

/// Calls the handler's `on_close`, once, if its answer was cut off. It may destroy the server.
void Connection::tell_gone() noexcept {
  if (in_call_ || !exchange_ || !exchange_->response.close_callback_) return;
  const auto gone = std::exchange(exchange_->response.close_callback_, nullptr);
  stream_->loop().guard("close callback", gone);
}

void Connection::abandon() noexcept {
  finish();
  // No turn follows the destructor of the server.
  tell_gone();
  // One that had a last word to say has no time for it any more.
  stream_->close();
  server_ = nullptr;
}

void Connection::drain() {
  draining_ = true;
  if (phase_ == Phase::idle && input_.empty()) return finish_last();
  await_shutdown();
}

/// The answer under way may wait to hear of the shutdown: in the turn's end, not within the application's call.
void Connection::await_shutdown() {
  if (draining_ && phase_ == Phase::answering && exchange_->response.shutdown_callback_) touch();
}

void Connection::tell_shutdown() {
  if (phase_ != Phase::answering) return;
  if (const auto begun = std::exchange(exchange_->response.shutdown_callback_, nullptr)) {
    call("shutdown callback", begun);
  }
}

void Connection::on_closed() noexcept {
  tell_gone();
  if (server_ != nullptr) {
    release_exchange();
    // The last thing that is done with the server: it may end with its last connection.
    std::exchange(server_, nullptr)->sessions.remove(*this);
  }
  if (dirty_) {
    destroy_in_flush_ = true;
  } else {
    delete this;
  }
}

void Connection::release_exchange() noexcept {
  if (!exchange_ || in_call_) return;
  recycle_exchange();
  server_->give_back(std::move(exchange_));
}

/// Makes the exchange ready for the connection's next request; the parser begins anew by itself.
void Connection::recycle_exchange() noexcept {
  exchange_->response.clear();
  exchange_->head.clear();
  exchange_->body.clear();
  if (!exchange_->ticket) return;
  exchange_->ticket->connection = nullptr;
  exchange_->ticket.reset();
}

// Time

std::chrono::milliseconds Connection::limit() const noexcept {
  const ServerOptions& options = server_->options;
  switch (phase_) {
    case Phase::idle:
      return first_request_ ? options.head_timeout : options.keep_alive_timeout;
    case Phase::head:
      return options.head_timeout;
    case Phase::lingering:
      return options.linger_timeout;
    default:
      return options.rate_window;
  }
}

/// The deadline is only ever moved forward in time when it falls due: that costs the common request nothing. It falls
/// due after a rate window at the latest, since output may wait by then that did not when the phase began.
void Connection::enter(Phase phase) noexcept {
  phase_ = phase;
  since_ = server_->loop.now();
  taken_mark_.reset();
  const Tick due = since_ + Loop::ticks(std::min(limit(), server_->options.rate_window));
  if (!armed() || static_cast<std::int32_t>(due - Deadline::due()) < 0) server_->loop.arm_at(*this, due);
}

/// Whether output waits for the client, and nothing else is waited for.
bool Connection::awaits_reader() const noexcept {
  return phase_ != Phase::head && phase_ != Phase::body && stream_->queued_bytes() != 0;
}

void Connection::on_deadline() noexcept {
  Loop& loop = server_->loop;
  const bool unread = awaits_reader();
  const Tick due = since_ + Loop::ticks(unread ? server_->options.rate_window : limit());
  if (static_cast<std::int32_t>(due - loop.now()) > 0) return loop.arm_at(*this, due);
  const bool done = loop.guard("connection", [&] {
    if (unread) return check_reader();
    switch (phase_) {
      case Phase::idle:
        return finish_last();
      case Phase::head:
        return refuse(Status::request_timeout, "the request's head took too long");
      case Phase::body:
        return check_body();
      case Phase::answering:
        return enter(phase_);
      case Phase::lingering:
        return finish();
      case Phase::closed:
        return;
    }
  });
  if (!done) finish();
}

/// Whether so little has moved in a rate window that the client is held to be stuck.
bool Connection::too_slow(std::uint64_t moved_bytes) const noexcept {
  const ServerOptions& options = server_->options;
  return moved_bytes < options.min_bytes_per_second * static_cast<std::uint64_t>(options.rate_window.count()) / 1000;
}

/// Gives up on a client that takes its answer too slowly, or begins another window. What the client's system has
/// acknowledged counts, where ours reports it: ours takes megabytes that the client never reads, and from a slow client
/// it takes more only in steps of megabytes. The first window after a change of phase only sets the mark.
void Connection::check_reader() {
  const std::uint64_t taken = stream_->acknowledged_bytes().value_or(stream_->taken_bytes());
  if (taken_mark_ && too_slow(taken - *taken_mark_)) return give_up();
  enter(phase_);
  taken_mark_ = taken;
}

/// Refuses a request whose body comes too slowly, or begins another window.
void Connection::check_body() {
  const std::uint64_t received = exchange_->decoder.received_bytes();
  if (too_slow(received - received_mark_)) {
    return refuse(Status::request_timeout, "the request's body came too slowly");
  }
  enter(phase_);
  received_mark_ = received;
}

}  // namespace tidewire::http
