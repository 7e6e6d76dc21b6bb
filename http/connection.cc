#include <tidewire/http/chunk.h>
#include <tidewire/http/connection.h>
#include <algorithm>
#include <cassert>

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

// Requests

void Connection::on_data(MutableBytes bytes) {
  if (phase_ == Phase::lingering || phase_ == Phase::closed) return;
  if (!input_.empty() || !may_take()) {
    input_.append(bytes);
    if (may_take()) return process_input();
    // Requests that wait are held, so that the peer's going away is noticed, but not without bound.
    if (input_.size() > server_->options.max_head_bytes) stream_->pause();
    return;
  }
  const std::size_t used = take(bytes);
  if (phase_ != Phase::closed && phase_ != Phase::lingering) input_.append(bytes.subspan(used));
}

/// Goes on with what had to wait.
void Connection::process_input() {
  const std::size_t used = take(input_.bytes());
  if (phase_ == Phase::closed || phase_ == Phase::lingering) return;
  input_.consume(used);
  if (input_.empty()) input_.release();
  if (may_take()) {
    stream_->resume();
    if (peer_ended_) on_end();
  }
}

/// Whether a request may be taken now: none is being answered, and the peer reads its answers.
bool Connection::may_take() const noexcept {
  return (phase_ == Phase::idle || phase_ == Phase::head || phase_ == Phase::body) &&
         stream_->queued_bytes() <= server_->options.high_water_bytes;
}

/// Takes as many requests from `bytes` as there are, and returns how many bytes those were.
std::size_t Connection::take(MutableBytes bytes) {
  std::size_t used = 0;
  in_take_ = true;
  while (used < bytes.size() && may_take()) {
    const MutableBytes rest = bytes.subspan(used);
    const std::size_t taken = phase_ == Phase::body ? take_body(rest) : take_head(rest);
    if (taken == 0 && phase_ == Phase::head) break;
    used += taken;
  }
  in_take_ = false;
  if (phase_ == Phase::idle) {
    release_exchange();
    enter(Phase::idle);
  }
  if (phase_ == Phase::answering && exchange_->response.state_ == Response::State::switching) {
    hand_over(bytes.subspan(used));
  }
  return used;
}

std::size_t Connection::take_head(MutableBytes bytes) {
  if (!exchange_) exchange_ = server_->take_exchange();
  const Progress progress = exchange_->parser.parse(as_text(bytes), exchange_->request);
  switch (progress.kind) {
    case Progress::Kind::need_more:
      // The first request has its time from the accept on, so that silence and slowness cost the same.
      if (phase_ != Phase::head && !first_request_) enter(Phase::head);
      phase_ = Phase::head;
      return 0;
    case Progress::Kind::error:
      refuse(progress.status, progress.detail);
      return bytes.size();
    case Progress::Kind::complete:
      break;
  }
  return progress.consumed + begin_request(bytes.first(progress.consumed), bytes.subspan(progress.consumed));
}

/// The head is complete. Returns how much of `rest` is its body, as far as it has come.
std::size_t Connection::begin_request(Bytes head, MutableBytes rest) {
  first_request_ = false;
  Exchange& exchange = *exchange_;
  exchange.match = server_->router.match(exchange.request);
  const Framing framing = exchange.request.framing();
  if (framing.is_empty()) {
    dispatch();
    return 0;
  }
  // What follows an upgrade request is the new protocol's: a body can't be told from it (RFC 9110 7.8).
  if (exchange.match.outcome == RouteMatch::Outcome::upgrade) {
    refuse(Status::bad_request, "a request to switch protocols has no body");
    return 0;
  }
  const bool whole = framing.kind == Framing::Kind::length && framing.length <= rest.size() &&
                     framing.length <= server_->options.max_body_bytes;
  if (!whole) return begin_body(head, rest);
  exchange.request.set_body(rest.first(framing.length));
  dispatch();
  return framing.length;
}

/// The body is still on its way, or in chunks: it is collected.
std::size_t Connection::begin_body(Bytes head, MutableBytes rest) {
  Exchange& exchange = *exchange_;
  const bool served = exchange.match.outcome == RouteMatch::Outcome::found;
  if (!served) {
    // Nobody wants the body, so it isn't read.
    last_answer_ = true;
    dispatch();
    return 0;
  }
  exchange.decoder.start(exchange.request.framing(), server_->body_limits);
  if (const BodyEvent event = exchange.decoder.next({}); event.kind == BodyEvent::Kind::error) {
    refuse(event.status, event.detail);
    return 0;
  }
  exchange.head.append(head);
  exchange.request.set_base(reinterpret_cast<const char*>(exchange.head.data()));
  if (exchange.request.expects_continue() && rest.empty()) stream_->write(as_bytes(continue_response));
  enter(Phase::body);
  moved_mark_ = 0;
  return take_body(rest);
}

std::size_t Connection::take_body(Bytes bytes) {
  Exchange& exchange = *exchange_;
  std::size_t used = 0;
  for (;;) {
    const BodyEvent event = exchange.decoder.next(bytes.subspan(used));
    used += event.consumed;
    switch (event.kind) {
      case BodyEvent::Kind::data:
        exchange.body.append(event.data);
        break;
      case BodyEvent::Kind::need_more:
        return used;
      case BodyEvent::Kind::error:
        refuse(event.status, event.detail);
        return used;
      case BodyEvent::Kind::done:
        exchange.request.set_body(exchange.body.view());
        exchange.request.set_trailers(exchange.decoder.trailers());
        dispatch();
        return used;
    }
  }
}

// Answers

void Connection::dispatch() {
  Exchange& exchange = *exchange_;
  server_->counters.requests.add();
  if (peer_.empty()) peer_ = stream_->peer_address().to_string();
  exchange.request.set_peer(peer_);
  exchange.response.begin(*this, exchange.request.method() == Method::head, exchange.request.minor_version());
  last_answer_ = last_answer_ || draining_ || !exchange.request.keep_alive();
  phase_ = Phase::answering;
  const RouteMatch& match = exchange.match;
  if (match.outcome == RouteMatch::Outcome::found || match.outcome == RouteMatch::Outcome::upgrade) {
    const Handler& handler = server_->handlers[static_cast<std::size_t>(match.id)];
    const ServerState::Pin pin(*server_);
    call("request handler", [&](Response& response) { handler(exchange.request, response); });
  } else {
    call("answer", [&](Response&) { answer_without_handler(match); });
  }
}

/// Runs something that may answer, and sees to what it did. All that an application does to a response
/// happens in here.
template <class Call>
void Connection::call(const char* where, Call&& handler) noexcept {
  if (phase_ != Phase::answering) return;
  Response& response = exchange_->response;
  Loop& loop = stream_->loop();
  // A Deferred may be used inside the handler that made it: the outer call sees to the outcome.
  if (in_call_) {
    const bool returned = loop.guard(where, [&] { handler(response); });
    if (!returned && phase_ == Phase::answering) loop.guard("connection", [this] { answer_exception(); });
    return;
  }
  in_call_ = true;
  const bool returned = loop.guard(where, [&] { handler(response); });
  in_call_ = false;
  if (phase_ == Phase::closed) return tell_gone();
  const bool settled = loop.guard("connection", [&] {
    if (!returned) {
      if (response.state_ == Response::State::streaming) return finish();
      in_call_ = true;
      answer_exception();
      in_call_ = false;
    }
    settle();
  });
  in_call_ = false;
  if (!settled) finish();
}

/// A handler threw: nothing of what it has set is to be trusted. An answer that was complete already stands.
void Connection::answer_exception() {
  Response& response = exchange_->response;
  if (response.state_ == Response::State::finished || response.state_ == Response::State::streaming) return;
  replace_answer();
}

/// Answers 500 in place of what the handler has set, of which nothing has been sent.
void Connection::replace_answer() {
  Response& response = exchange_->response;
  response.state_ = Response::State::open;
  response.head_.clear();
  response.refused_header_.reset();
  response.make_successor_ = nullptr;
  answer_status(Status::internal_server_error);
}

/// What state did the handler leave the answer in?
void Connection::settle() {
  Response& response = exchange_->response;
  switch (response.state_) {
    case Response::State::finished:
      return complete_exchange();
    case Response::State::switching:
      if (!may_switch()) {
        in_call_ = true;
        response.state_ = Response::State::open;
        if (!replace_refused_head()) replace_answer();
        in_call_ = false;
        return complete_exchange();
      }
      // Within `take` the stream is handed over when that returns; after a deferred answer, in the flush.
      return touch();
    case Response::State::streaming:
      if (response.deferred_ || response.drain_callback_) return enter(Phase::answering);
      server_->loop.log(LogLevel::error,
                        "handler began an answer in pieces, and kept no way to end it: connection closed");
      return finish();
    case Response::State::open:
      if (response.deferred_) return enter(Phase::answering);
      server_->loop.log(LogLevel::error, "no answer was given to a request: 500");
      in_call_ = true;
      answer_status(Status::internal_server_error);
      in_call_ = false;
      return complete_exchange();
  }
}

/// Whether what the handler decided can be done: the field that was refused must not be missing from a 101, and
/// who did not offer to switch must not find itself switched.
bool Connection::may_switch() {
  if (exchange_->response.refused_header_) return false;
  if (exchange_->match.outcome == RouteMatch::Outcome::upgrade) return true;
  server_->loop.log(LogLevel::error, "handler switched protocols on a request that does not ask for it: 500");
  return false;
}

void Connection::promise_dropped() {
  if (phase_ != Phase::answering) return;
  exchange_->response.deferred_ = false;
  call("deferred answer", [](Response&) {});
}

void Connection::answer_without_handler(const RouteMatch& match) {
  Response& response = exchange_->response;
  switch (match.outcome) {
    case RouteMatch::Outcome::options:
      response.header("Allow", match.allow).send(Status::no_content);
      return;
    case RouteMatch::Outcome::method_not_allowed:
      response.header("Allow", match.allow);
      return answer_status(Status::method_not_allowed);
    case RouteMatch::Outcome::upgrade_required:
      response.header("Upgrade", match.protocol);
      return answer_status(Status::upgrade_required);
    default:
      // OPTIONS * asks about the server as a whole (RFC 9110 9.3.7).
      if (exchange_->request.target_form() == TargetForm::asterisk) {
        response.send(Status::no_content);
        return;
      }
      return answer_status(Status::not_found);
  }
}

void Connection::answer_status(Status status, std::string_view detail) {
  std::string text = std::to_string(code_of(status)) + " " + std::string(reason_phrase(status));
  if (!detail.empty()) text.append(": ").append(detail);
  exchange_->response.send(status, text.append("\n"));
}

/// Answers what can't be understood or is too much, and ends the connection: where the next request would
/// begin is not known.
void Connection::refuse(Status status, std::string_view detail) {
  server_->counters.refused_requests.add();
  exchange_->response.begin(*this, false, 1);
  last_answer_ = true;
  phase_ = Phase::answering;
  call("refusal", [&](Response&) { answer_status(status, detail); });
}

void Connection::write_head(Framing framing) {
  const Response& response = exchange_->response;
  last_answer_ = last_answer_ || draining_;
  ConnectionOption option = ConnectionOption::implied;
  if (response.head_.status() == Status::upgrade_required || response.head_.status() == Status::switching_protocols) {
    option = ConnectionOption::upgrade;
  } else if (last_answer_) {
    option = ConnectionOption::close;
  } else if (response.old_client_) {
    option = ConnectionOption::keep_alive;
  }
  server_->scratch.clear();
  response.head_.write(server_->scratch, server_->date(), framing, option);
}

/// A field was refused that the handler did not look after: better a clear failure than an answer that says
/// less than it should.
bool Connection::replace_refused_head() {
  Response& response = exchange_->response;
  if (!response.refused_header_) return false;
  server_->loop.log(LogLevel::error, "response header refused: " + response.refused_header_->message());
  response.refused_header_.reset();
  response.head_.clear();
  answer_status(Status::internal_server_error);
  return true;
}

SendStatus Connection::send_whole(Bytes body, std::string_view default_type_line) {
  assert(in_call_);
  Response& response = exchange_->response;
  if (replace_refused_head()) return SendStatus::dropped;
  const bool content = may_have_content(response.head_.status());
  if (content && !body.empty() && !response.head_.fields().contains("Content-Type")) {
    response.head_.fields().add_known(default_type_line);
  }
  write_head({.kind = content ? Framing::Kind::length : Framing::Kind::none, .length = body.size()});
  const Bytes sent = content && !response.head_only_ ? body : Bytes();
  stream_->write(server_->scratch.view(), sent);
  response.state_ = Response::State::finished;
  return after_write(server_->scratch.size() + sent.size());
}

/// Sends the head of an answer in pieces. Where no body may follow, the answer is over.
void Connection::begin_pieces() {
  Response& response = exchange_->response;
  Framing& framing = response.framing_;
  framing = {};
  if (may_have_content(response.head_.status())) {
    if (response.announced_bytes_) {
      framing = {.kind = Framing::Kind::length, .length = *response.announced_bytes_};
    } else {
      framing.kind = response.old_client_ ? Framing::Kind::until_close : Framing::Kind::chunked;
    }
  }
  response.unsent_bytes_ = framing.length;
  last_answer_ = last_answer_ || framing.kind == Framing::Kind::until_close;
  write_head(framing);
  stream_->write(server_->scratch.view());
  sent_bytes_ += server_->scratch.size();
  const bool has_body = framing.kind != Framing::Kind::none && !response.head_only_;
  response.state_ = has_body ? Response::State::streaming : Response::State::finished;
}

SendStatus Connection::send_piece(Bytes piece) {
  assert(in_call_);
  Response& response = exchange_->response;
  if (response.state_ == Response::State::open) {
    if (replace_refused_head()) return SendStatus::dropped;
    begin_pieces();
    if (response.finished()) return SendStatus::closed;
  }
  std::size_t written = piece.size();
  if (response.framing_.kind == Framing::Kind::length) {
    if (piece.size() > response.unsent_bytes_) {
      server_->loop.log(LogLevel::error, "handler sent more than the length it announced: connection closed");
      finish();
      return SendStatus::closed;
    }
    response.unsent_bytes_ -= piece.size();
  }
  if (response.framing_.kind == Framing::Kind::chunked && !piece.empty()) {
    const ChunkHeader header(piece.size());
    stream_->write(as_bytes(header.text()), piece);
    stream_->write(as_bytes(chunk_end));
    written += header.text().size() + chunk_end.size();
  } else {
    stream_->write(piece);
  }
  return after_write(written);
}

SendStatus Connection::end_pieces() {
  assert(in_call_);
  Response& response = exchange_->response;
  if (response.state_ == Response::State::open) {
    if (replace_refused_head()) return SendStatus::dropped;
    begin_pieces();
    if (response.finished()) return after_write(0);
  }
  if (response.framing_.kind == Framing::Kind::length && response.unsent_bytes_ != 0) {
    server_->loop.log(LogLevel::error, "handler sent less than the length it announced: connection closed");
    finish();
    return SendStatus::closed;
  }
  response.state_ = Response::State::finished;
  if (response.framing_.kind != Framing::Kind::chunked) return after_write(0);
  stream_->write(as_bytes(last_chunk));
  return after_write(last_chunk.size());
}

/// Holds the peer to its bounds after output was added.
SendStatus Connection::after_write(std::size_t bytes) {
  sent_bytes_ += bytes;
  const std::size_t queued = stream_->queued_bytes();
  if (queued > server_->options.high_water_bytes) {
    Response& response = exchange_->response;
    if (queued > server_->options.max_backpressure_bytes && response.state_ == Response::State::streaming) {
      finish();
      return SendStatus::closed;
    }
    response.over_high_water_ = true;
    return SendStatus::queued;
  }
  return SendStatus::sent;
}

/// The answer has been given: on to the next request, or to the end.
void Connection::complete_exchange() {
  if (last_answer_ || draining_) return finish_last();
  if (in_take_) {
    // The next request may follow at once: `take` sees to the rest.
    phase_ = Phase::idle;
    return recycle_exchange();
  }
  release_exchange();
  enter(Phase::idle);
  if (!input_.empty() || peer_ended_) touch();
}

/// HTTP ends here. `rest` stays in place until this object is destroyed.
void Connection::hand_over(MutableBytes rest) {
  ServerState& server = *server_;
  const ServerState::Pin pin(server);
  Response& response = exchange_->response;
  response.head_.set_status(Status::switching_protocols);
  const bool written = server.loop.guard("upgrade", [&] {
    response.head_.fields().set("Upgrade", response.switch_to_).value();
    write_head({});
    stream_->write(server.scratch.view());
  });
  if (!written) return finish();

  server.loop.disarm(*this);
  server.counters.upgrades.add();
  phase_ = Phase::closed;
  SuccessorFactory make_successor = std::move(response.make_successor_);
  // Given back now rather than with this object: many may be handed over in one turn.
  release_exchange();
  Successor* successor = nullptr;
  server.loop.guard("upgrade", [&] { successor = make_successor(std::move(stream_), server.sessions); });
  if (successor != nullptr) {
    server.sessions.replace(*this, *successor);
  } else {
    server.sessions.remove(*this);
  }
  server_ = nullptr;
  server.loop.retire(std::unique_ptr<Retired>(this));
  if (successor == nullptr) return;
  const bool begun = server.loop.guard("upgrade", [&] {
    successor->begin(rest);
    // What the stream and the server have told us they won't tell again.
    if (peer_ended_) {
      successor->on_end();
    } else if (draining_) {
      successor->drain();
    }
  });
  if (!begun) successor->on_failed(Error{Errc::exception, "upgrade"});
}

// Deferred answers

struct Deferred::Claim {
  Claim(LoopRemote to, std::shared_ptr<Ticket> with) : loop(std::move(to)), ticket(std::move(with)) {}
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim() {
    try {
      loop.post([dropped = ticket] {
        // The handler may have made another promise meanwhile.
        if (dropped->connection != nullptr && dropped->claim.expired()) dropped->connection->promise_dropped();
      });
    } catch (const std::bad_alloc&) {
      // The client waits in vain, and closes.
      return;
    }
  }

  LoopRemote loop;
  std::shared_ptr<Ticket> ticket;
};

Deferred Connection::defer() {
  Exchange& exchange = *exchange_;
  // The handler may have ended the connection, or even the server, before it asked.
  Connection* const answerable = phase_ == Phase::closed ? nullptr : this;
  if (!exchange.ticket) exchange.ticket = std::make_shared<Ticket>(Ticket{.connection = answerable, .claim = {}});
  auto claim = exchange.ticket->claim.lock();
  if (!claim) {
    claim = std::make_shared<Deferred::Claim>(stream_->loop().remote(), exchange.ticket);
    exchange.ticket->claim = claim;
  }
  exchange.response.deferred_ = true;
  return Deferred(std::move(claim));
}

bool Deferred::send(Status status, std::string_view text) const {
  return run([status, body = std::string(text)](Response& response) { response.send(status, body); });
}

bool Deferred::run(Callback<void(Response&)> answer) const {
  if (claim_->loop.in_thread()) {
    if (Connection* connection = claim_->ticket->connection) connection->run(answer);
    return true;
  }
  return claim_->loop.post([claim = claim_, answer = std::move(answer)]() mutable {
    if (Connection* connection = claim->ticket->connection) connection->run(answer);
  });
}

// From the stream

void Connection::on_end() {
  peer_ended_ = true;
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
      if (stream_->queued_bytes() == 0) finish();
      break;
    case Phase::answering:
    case Phase::closed:
      break;
  }
}

void Connection::on_writable() {
  if (phase_ == Phase::closed) return;
  const std::size_t queued = stream_->queued_bytes();
  if (phase_ == Phase::lingering) {
    if (queued == 0 && peer_ended_) finish();
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

void Connection::on_failed(const Error&) { finish(); }

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
    if (!server_->loop.guard("connection", [this] { process_input(); })) finish();
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

/// The one way out.
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
  // Not from within a call that the handler makes.
  if (!in_call_) tell_gone();
}

/// Tells the handler that its answer has nobody to go to any more. It may destroy the server.
void Connection::tell_gone() noexcept {
  if (!exchange_ || !exchange_->response.close_callback_) return;
  const auto gone = std::exchange(exchange_->response.close_callback_, nullptr);
  stream_->loop().guard("close callback", gone);
}

void Connection::abandon() noexcept {
  finish();
  server_ = nullptr;
}

void Connection::drain() {
  draining_ = true;
  if (phase_ == Phase::idle && input_.empty()) finish_last();
}

void Connection::on_closed() noexcept {
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
  exchange_->response.clear();
  server_->give_back(std::move(exchange_));
}

/// Makes the exchange ready for the connection's next request; the parser and the response begin anew by themselves.
void Connection::recycle_exchange() noexcept {
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

/// The deadline is only ever moved forward in time when it falls due: that costs the common request nothing.
void Connection::enter(Phase phase) noexcept {
  phase_ = phase;
  since_ = server_->loop.now();
  const Tick due = since_ + Loop::ticks(limit());
  if (!armed() || static_cast<std::int32_t>(due - Deadline::due()) < 0) server_->loop.arm_at(*this, due);
}

void Connection::on_deadline() noexcept {
  Loop& loop = server_->loop;
  const Tick due = since_ + Loop::ticks(limit());
  if (static_cast<std::int32_t>(due - loop.now()) > 0) return loop.arm_at(*this, due);
  const bool done = loop.guard("connection", [&] {
    const bool unread = stream_->queued_bytes() != 0;
    switch (phase_) {
      case Phase::idle:
        return unread ? check_rate(taken_bytes()) : finish();
      case Phase::head:
        return refuse(Status::request_timeout, "the request's head took too long");
      case Phase::body:
        return check_rate(exchange_->decoder.received_bytes());
      case Phase::answering:
        return unread ? check_rate(taken_bytes()) : enter(phase_);
      case Phase::lingering:
        return unread ? check_rate(taken_bytes()) : finish();
      case Phase::closed:
        return;
    }
  });
  if (!done) finish();
}

/// Ends the connection if too little has moved since the window began, or begins another window.
void Connection::check_rate(std::uint64_t moved_bytes) {
  const ServerOptions& options = server_->options;
  const auto window = static_cast<std::uint64_t>(limit().count());
  if (moved_bytes - moved_mark_ < options.min_bytes_per_second * window / 1000) {
    if (phase_ != Phase::body) return finish();
    return refuse(Status::request_timeout, "the request's body came too slowly");
  }
  moved_mark_ = moved_bytes;
  enter(phase_);
}

}  // namespace tidewire::http
