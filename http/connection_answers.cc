#include <tidewire/core/log_limit.h>
#include <tidewire/http/chunk.h>
#include <tidewire/http/connection.h>
#include <cassert>

/// Having requests answered: by a handler or without, whole or in pieces.
namespace tidewire::http {

void Connection::dispatch() {
  Exchange& exchange = *exchange_;
  server_->counters.requests.add();
  exchange.request.set_peer_source(*this);
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
      if (response.deferred_ || response.drain_callback_) {
        watch_answer();
        return await_client_end();
      }
      log_limited(server_->loop, LogLevel::error,
                  "handler began an answer in pieces, and kept no way to end it: connection closed");
      return finish();
    case Response::State::open:
      if (response.deferred_) return watch_answer();
      log_limited(server_->loop, LogLevel::error, "no answer was given to a request: 500");
      in_call_ = true;
      answer_status(Status::internal_server_error);
      in_call_ = false;
      return complete_exchange();
  }
}

/// The answer goes on: begins to watch how it is taken. Once, for what is added must not put off the deadline.
void Connection::watch_answer() noexcept {
  if (!std::exchange(exchange_->response.watched_, true)) enter(Phase::answering);
}

/// Whether what the handler decided can be done: the field that was refused must not be missing from a 101, and
/// who did not offer to switch must not find itself switched.
bool Connection::may_switch() {
  if (exchange_->response.refused_header_) return false;
  if (exchange_->match.outcome == RouteMatch::Outcome::upgrade) return true;
  log_limited(server_->loop, LogLevel::error, "handler switched protocols on a request that does not ask for it: 500");
  return false;
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
  exchange_->response.begin(*this, exchange_->request.method() == Method::head, 1);
  last_answer_ = true;
  phase_ = Phase::answering;
  call("refusal", [&](Response&) { answer_status(status, detail); });
}

/// What the head that is written now says about the connection.
ConnectionOption Connection::connection_option() noexcept {
  const Response& response = exchange_->response;
  const Status status = response.head_.status();
  last_answer_ = last_answer_ || draining_;
  if (status == Status::upgrade_required || status == Status::switching_protocols) return ConnectionOption::upgrade;
  if (last_answer_) return ConnectionOption::close;
  return response.old_client_ ? ConnectionOption::keep_alive : ConnectionOption::implied;
}

void Connection::write_head(Framing framing) {
  server_->scratch.clear();
  exchange_->response.head_.write(server_->scratch, server_->date(), framing, connection_option());
}

/// A field was refused that the handler did not look after: better a clear failure than an answer that says
/// less than it should.
bool Connection::replace_refused_head() {
  Response& response = exchange_->response;
  if (!response.refused_header_) return false;
  log_limited(server_->loop, LogLevel::error, "response header refused",
              [&] { return "response header refused: " + response.refused_header_->message(); });
  response.refused_header_.reset();
  response.head_.clear();
  answer_status(Status::internal_server_error);
  return true;
}

SendStatus Connection::send_whole(Bytes body, std::string_view default_type_line) {
  assert(in_call_);
  Response& response = exchange_->response;
  if (replace_refused_head()) return SendStatus::dropped;
  const ResponseHead& head = response.head_;
  const bool content = may_have_content(head.status());
  const Framing framing{.kind = content ? Framing::Kind::length : Framing::Kind::none, .length = body.size()};
  if (!content || body.empty() || head.fields().contains("Content-Type")) default_type_line = {};
  const Bytes sent = content && !response.head_only_ ? body : Bytes();
  write_whole(framing, default_type_line, sent);
  response.state_ = Response::State::finished;
  return after_write();
}

/// Writes the head and the body of a whole answer.
void Connection::write_whole(Framing framing, std::string_view last_lines, Bytes body) {
  // Larger ones are written from where they lie, for the stream may send them without a copy.
  constexpr std::size_t largest_composed = 4096;
  const ResponseHead& head = exchange_->response.head_;
  const ConnectionOption option = connection_option();
  const std::size_t most = head.max_size() + last_lines.size() + body.size();
  if (most > largest_composed) {
    Buffer& scratch = server_->scratch;
    scratch.clear();
    head.write(scratch, server_->date(), framing, option, last_lines);
    return stream_->write(scratch.view(), body);
  }
  std::byte* const begin = stream_->reserve(most).data();
  char* const body_at = head.write(reinterpret_cast<char*>(begin), server_->date(), framing, option, last_lines);
  const auto head_size = static_cast<std::size_t>(reinterpret_cast<std::byte*>(body_at) - begin);
  copy_bytes(begin + head_size, body);
  stream_->commit(head_size + body.size());
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
  if (response.framing_.kind == Framing::Kind::length) {
    if (piece.size() > response.unsent_bytes_) {
      log_limited(server_->loop, LogLevel::error, "handler sent more than the length it announced: connection closed");
      finish();
      return SendStatus::closed;
    }
    response.unsent_bytes_ -= piece.size();
  }
  if (response.framing_.kind == Framing::Kind::chunked && !piece.empty()) {
    const ChunkHeader header(piece.size());
    stream_->write(as_bytes(header.text()), piece);
    stream_->write(as_bytes(chunk_end));
  } else {
    stream_->write(piece);
  }
  return after_write();
}

SendStatus Connection::end_pieces() {
  assert(in_call_);
  Response& response = exchange_->response;
  if (response.state_ == Response::State::open) {
    if (replace_refused_head()) return SendStatus::dropped;
    begin_pieces();
    if (response.finished()) return after_write();
  }
  if (response.framing_.kind == Framing::Kind::length && response.unsent_bytes_ != 0) {
    log_limited(server_->loop, LogLevel::error, "handler sent less than the length it announced: connection closed");
    finish();
    return SendStatus::closed;
  }
  response.state_ = Response::State::finished;
  if (response.framing_.kind != Framing::Kind::chunked) return after_write();
  stream_->write(as_bytes(last_chunk));
  return after_write();
}

/// Holds the peer to its bounds after output was added.
SendStatus Connection::after_write() {
  const std::size_t queued = stream_->queued_bytes();
  if (queued > server_->options.high_water_bytes) {
    Response& response = exchange_->response;
    if (queued > server_->options.max_backpressure_bytes && response.state_ == Response::State::streaming) {
      give_up();
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

}  // namespace tidewire::http
