#include <tidewire/http/connection.h>
#include <algorithm>

/// Taking requests from what a client sends, up to the handing over to another protocol.
namespace tidewire::http {

void Connection::on_data(MutableBytes bytes) {
  if (phase_ == Phase::closed) return;
  if (phase_ == Phase::lingering) return drop_received(bytes.size());
  if (!input_.empty() || !may_take()) {
    keep(bytes);
    if (may_take()) process_input();
    return;
  }
  const std::size_t used = take(bytes);
  if (phase_ == Phase::closed || phase_ == Phase::lingering) return;
  const Bytes rest = bytes.subspan(used);
  if (yields()) {
    if (!rest.empty()) return stream_->unread(rest);
  } else {
    keep(rest);
  }
  if (peer_ended_) on_end();
}

/// What may be kept of a head or of requests that wait, less what is. One byte more than a head may have, by which one
/// that is too large shows. Of a body, which is taken as it comes, as much as is known to be missing is added.
std::size_t Connection::receive_limit() const noexcept {
  if (phase_ == Phase::lingering || phase_ == Phase::closed) return SIZE_MAX;
  const std::size_t most = most_kept_bytes();
  const std::size_t room = input_.size() < most ? most - input_.size() : 1;
  if (phase_ != Phase::body) return room;
  constexpr std::uint64_t plenty = std::uint64_t{1} << 20;
  return room + static_cast<std::size_t>(std::min(exchange_->decoder.remaining_bytes(), plenty));
}

/// Keeps what cannot be taken yet. Requests that wait are read ahead up to the bound, then no further.
void Connection::keep(Bytes bytes) {
  if (bytes.empty()) return;
  const std::size_t most = most_kept_bytes();
  const std::size_t needed = input_.size() + bytes.size();
  // Growing by doubling, the buffer would have up to twice as much.
  if (bytes.size() > input_.spare() && needed > most / 2 && needed <= most) input_.reallocate(most);
  input_.append(bytes);
  if (needed >= most && !may_take()) stream_->pause();
}

/// After the last answer.
void Connection::drop_received(std::size_t count) {
  dropped_bytes_ += count;
  if (dropped_bytes_ > server_->options.max_linger_bytes) finish();
}

/// Goes on with what had to wait.
void Connection::process_input() {
  const std::size_t used = take(input_.bytes());
  if (phase_ == Phase::closed || phase_ == Phase::lingering) return;
  input_.consume(used);
  if (yields() && !input_.empty()) {
    // The stream has it go on after the others.
    stream_->unread(input_.view());
    input_.release();
    return stream_->resume();
  }
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

/// Whether the next request could be taken, but the others have their turn first.
bool Connection::yields() const noexcept { return server_->loop.budget().spent() && may_take(); }

/// Takes as many requests from `bytes` as there are and the budget allows, and returns how many bytes those were.
std::size_t Connection::take(MutableBytes bytes) {
  std::size_t used = 0;
  const Budget& budget = server_->loop.budget();
  in_take_ = true;
  while (used < bytes.size() && may_take()) {
    const MutableBytes rest = bytes.subspan(used);
    const std::size_t taken = phase_ == Phase::body ? take_body(rest) : take_head(rest);
    if (taken == 0 && phase_ == Phase::head) break;
    used += taken;
    if (budget.spent()) break;
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
  server_->loop.budget().charge(work::request);
  Exchange& exchange = *exchange_;
  // Rejecting misdirected requests: RFC 9110 7.4.
  if (!server_->served_names.empty() && !server_->served_names.contain(exchange.request.host(), stream_->encrypted())) {
    refuse(Status::misdirected_request, "this server does not serve that name");
    return 0;
  }
  server_->router.match(exchange.request, exchange.match);
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
  const auto length = static_cast<std::size_t>(framing.length);  // It is within `rest`.
  exchange.request.set_body(rest.first(length));
  dispatch();
  return length;
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
  received_mark_ = 0;
  return take_body(rest);
}

std::size_t Connection::take_body(Bytes bytes) {
  Exchange& exchange = *exchange_;
  Budget& budget = server_->loop.budget();
  std::size_t used = 0;
  for (;;) {
    const BodyEvent event = exchange.decoder.next(bytes.subspan(used));
    used += event.consumed;
    switch (event.kind) {
      case BodyEvent::Kind::data:
        exchange.body.append(event.data);
        // Of a body in tiny chunks, these are the work.
        budget.charge(work::message);
        if (budget.spent()) return used;
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

}  // namespace tidewire::http
