#include <tidewire/core/log_limit.h>
#include <tidewire/websocket/connection.h>
#include <tidewire/websocket/connection_extra.h>
#include <tidewire/websocket/pace.h>
#include <tidewire/websocket/publications.h>
#include <cassert>

namespace tidewire::websocket {
namespace {

// A frame that lacks at least this much is read straight into its message: below it, one read that brings
// this frame's rest and the next ones with it is worth more than the copy that it costs.
constexpr std::size_t direct_bytes = 64 * 1024;
// After the end, what a peer still sends is read and dropped, so that our Close is not lost to a reset: as much as may
// have been under way before the peer could read it, which is what the buffers of both systems hold (10 MiB on Linux).
constexpr std::size_t most_dropped_bytes = std::size_t{16} << 20;
// Messages in a row before their work is counted and the budget looked at: some microseconds of short ones.
constexpr unsigned uncounted_messages = 64;

}  // namespace

// A million idle connections are this, their handlers and their sockets.
static_assert(sizeof(Connection) <= 88);

Connection::Connection(const EndpointRef& endpoint) : endpoint_(endpoint), protocol_(Role::server) {}

Connection::~Connection() = default;

http::Successor* Connection::start(std::unique_ptr<Connection> connection, transport::StreamPtr stream,
                                   transport::Sessions& sessions, std::string subprotocol) {
  if (!subprotocol.empty()) connection->extra().subprotocol = std::move(subprotocol);
  connection->endpoint_->sessions = &sessions;
  connection->heard_ = connection->loop().now();
  connection->stream_ = std::move(stream);
  connection->stream_->attach(*connection);
  return connection.release();
}

ConnectionExtra& Connection::extra() {
  if (!extra_) extra_ = std::make_unique<ConnectionExtra>();
  return *extra_;
}

void Connection::begin(MutableBytes rest) {
  phase_ = Phase::open;
  opened_ = true;
  if (endpoint_->options.ping_interval.count() > 0) endpoint_->loop.arm(*this, endpoint_->options.ping_interval);
  call([this] { handler().on_open(*this); });
  if (!rest.empty()) on_data(rest);
  if (phase_ < Phase::ended && !choked_ && !paused_by_handler_) stream_->resume();
}

// Receiving

void Connection::on_data(MutableBytes bytes) {
  if (phase_ >= Phase::ended) return drop_received(bytes.size());
  heard_ = endpoint_->loop.now();
  pinged_ = false;
  process(bytes);
}

MutableBytes Connection::receive_space() {
  return phase_ == Phase::open ? protocol_.receive_space(direct_bytes) : MutableBytes();
}

void Connection::on_filled(std::size_t count) {
  protocol_.commit_received(count);
  on_data({});
}

/// What comes after the end.
void Connection::drop_received(std::size_t count) {
  if (phase_ == Phase::closed || end_untold_) return;
  std::size_t& dropped = extra().dropped_bytes;
  dropped += count;
  if (dropped > most_dropped_bytes) close_stream();
}

void Connection::process(MutableBytes input) noexcept {
  const Limits& limits = endpoint_->limits;
  const bool whole_messages = !limits.deliver_fragments;
  Budget& budget = endpoint_->loop.budget();
  Handler& own = handler();
  Message message(MessageType::binary, {});
  in_call_ = true;
  while (phase_ < Phase::ended && !paused_by_handler_) {
    // What a handler throws must not lose the place in the input: the closing handshake is to follow.
    try {
      // Ends with the connection, too: the protocol then takes no message.
      unsigned left = whole_messages ? uncounted_messages : 0;
      while (left != 0 && !budget.spent() && protocol_.try_next_message(input, limits, message)) {
        --left;
        own.on_message(*this, message);
      }
      if (whole_messages) budget.charge((uncounted_messages - left) * work::message);
      if (paused_by_handler_ || budget.spent() || (input.empty() && protocol_.at_rest())) break;
      // In a copy, so that the compiler may keep the place in registers while such messages follow each other.
      MutableBytes rest = input;
      const auto event =
          protocol_.next(rest, limits, endpoint_->spare, protocol_.deflates() ? peer_inflater() : nullptr, &budget);
      input = rest;
      if (!event) break;
      handle_event(*event, !input.empty());
    } catch (...) {
      handler_threw();
    }
  }
  leave_call();
  if (phase_ >= Phase::ended) return protocol_.release(endpoint_->spare);
  if (!input.empty() || protocol_.unfinished()) stream_->unread(input);
  if (phase_ == Phase::open && !choked_ && stream_->has_queued() &&
      stream_->queued_bytes() > endpoint_->options.high_water_mark) {
    choked_ = true;
    stream_->pause();
  }
  if (phase_ == Phase::open && protocol_.pace() != nullptr) watch_pace();
}

void Connection::pause_reading() {
  assert(loop().in_thread());
  if (phase_ != Phase::open || paused_by_handler_) return;
  paused_by_handler_ = true;
  protocol_.hold();
  stream_->pause();
  if (Pace* const pace = protocol_.pace()) pace->stop(endpoint_->loop.now());
}

void Connection::resume_reading() {
  assert(loop().in_thread());
  if (!paused_by_handler_) return;
  paused_by_handler_ = false;
  heard_ = endpoint_->loop.now();
  pinged_ = false;
  if (choked_) return;
  stream_->resume();
  resume_pace();
}

/// The clock of what has begun to come stood still while it was not read.
void Connection::resume_pace() noexcept {
  Pace* const pace = phase_ == Phase::open ? protocol_.pace() : nullptr;
  if (pace == nullptr) return;
  pace->resume(endpoint_->loop.now());
  arm_by(pace->due(endpoint_->pace_bounds));
}

/// `more`: other bytes have come after this.
void Connection::handle_event(const Event& event, bool more) {
  switch (event.kind) {
    case Event::Kind::message:
      return handler().on_message(*this, event.message());
    case Event::Kind::fragment:
      return handler().on_fragment(*this, event.fragment());
    case Event::Kind::ping:
      answer_ping(event.payload);
      return handler().on_ping(*this, event.payload);
    case Event::Kind::pong:
      return handler().on_pong(*this, event.payload);
    case Event::Kind::close:
      in_call_ = false;  // Between two calls of the handler's: it can be told at once.
      return peer_closed(event, more);
    case Event::Kind::refusal:
      return begin_close(event.cause, event.code, event.reason);
    case Event::Kind::violation:
      in_call_ = false;
      return violated(event);
  }
}

/// Of pongs that would have to wait, only the latest is worth it (RFC 6455 5.5.3).
void Connection::answer_ping(Bytes payload) {
  endpoint_->publications.deliver();
  if (!protocol_.may_send_control()) return;
  if (stream_->queued_bytes() <= endpoint_->options.high_water_mark) return write_control(protocol_.pong(payload));
  auto& pong = extra().pong.emplace();
  pong.append(payload);
}

void Connection::peer_closed(const Event& event, bool more) {
  endpoint_->publications.deliver();
  if (auto reply = protocol_.close_reply()) write_control(reply);
  // A peer that goes on after its Close (against RFC 6455 5.5.1) may be sending still. The system would answer that
  // with a reset, which takes our Close with it.
  peer_done_ = !more;
  if (phase_ == Phase::open) return end(Cause::peer_closed, event.code, event.reason, {});
  const Farewell ours = extra().farewell;
  if (ours.cause == Cause::local_closed) return end(Cause::local_closed, event.code, event.reason, {});
  end(ours.cause, ours.code, ours.reason, ours.detail);
}

void Connection::violated(const Event& event) {
  endpoint_->publications.deliver();
  if (auto reply = protocol_.close_reply(event.reason)) write_control(reply);
  end(event.cause, event.code, event.reason, event.reason);
}

void Connection::on_end() {
  peer_ended_ = true;
  if (phase_ < Phase::ended) {
    // What was sent in answer to its last messages still goes out: it may have ended its sending alone.
    peer_done_ = true;
    return lose(Cause::connection_lost, CloseCode::abnormal, "the peer ended without a Close");
  }
  if (stream_->queued_bytes() == 0) close_stream();
}

void Connection::on_failed(const Error& error) {
  if (phase_ >= Phase::ended) return close_stream();
  if (error.code == std::errc::not_enough_memory) {
    return cut(Cause::out_of_memory, CloseCode::internal_error, error.message());
  }
  cut(Cause::connection_lost, CloseCode::abnormal, error.message());
}

// The handler's calls

void Connection::leave_call() noexcept {
  in_call_ = false;
  if (end_untold_) tell_end();
}

void Connection::handler_threw() noexcept {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    cut(Cause::out_of_memory, CloseCode::internal_error, "out of memory");
  } catch (...) {
    endpoint_->loop.guard("websocket handler", [] { throw; });
    begin_close(Cause::handler_exception, CloseCode::internal_error, {});
  }
}

void Connection::run(Callback<void(Connection&)>& action) noexcept {
  const bool nested = enter_application_call();
  try {
    action(*this);
  } catch (...) {
    handler_threw();
  }
  leave_application_call(nested);
}

/// The beginning of something that the application called, or may have called. Returns whether that was within a
/// callback of the handler's.
bool Connection::enter_application_call() noexcept {
  const bool nested = in_call_;
  in_call_ = true;
  return nested;
}

/// The end of one. If this connection has ended within it,
/// `on_close` must not run before it returns: the stream closes, and the loop comes back here by `on_closed`. Within a
/// callback of the handler's (`nested`) the end waits for that callback's return.
void Connection::leave_application_call(bool nested) noexcept {
  in_call_ = nested;
  if (!nested && end_untold_) close_stream();
}

// The end

void Connection::close(CloseCode code, std::string_view reason) {
  assert(loop().in_thread());
  begin_close(Cause::local_closed, code, reason);
}

void Connection::abort() {
  assert(loop().in_thread());
  cut_from_call(Cause::local_closed, CloseCode::abnormal, "aborted");
}

/// Says Close, and waits for the peer's.
void Connection::begin_close(Cause cause, CloseCode code, std::string_view reason) noexcept {
  endpoint_->publications.deliver();
  if (phase_ != Phase::open) return;
  const bool said = endpoint_->loop.guard("websocket close", [&] {
    if (!may_be_chosen(code)) {
      log_limited(endpoint_->loop, LogLevel::error, "close code that may not be sent", [code] {
        return "close code " + std::to_string(static_cast<unsigned>(code)) + " may not be sent; 1011 is sent instead";
      });
      code = CloseCode::internal_error;
    }
    ConnectionExtra& more = extra();
    auto frame = protocol_.close(code, reason);
    if (!frame) frame = protocol_.close(code, {});
    write_control(frame);
    // What was said, which may be less than what was to be said: behind two bytes of header and two of code.
    const std::string_view said_reason = frame ? as_text(frame->bytes()).substr(4) : std::string_view();
    more.farewell = {.cause = cause, .code = code, .reason = std::string(said_reason), .detail = {}};
    phase_ = Phase::closing;
    if (more.handle) more.handle->takes_messages.store(false, std::memory_order_relaxed);
    stop_choking();
    resume_reading();
  });
  if (!said) return cut_from_call(Cause::out_of_memory, CloseCode::internal_error, "out of memory");
  endpoint_->loop.arm(*this, endpoint_->options.close_timeout);
}

/// The one way out: from here on nothing is received or sent, and on_close is the last that happens.
void Connection::end(Cause cause, CloseCode code, std::string_view reason, std::string_view detail) noexcept {
  if (phase_ >= Phase::ended) return;
  phase_ = Phase::ended;
  protocol_.end();
  endpoint_->loop.disarm(*this);
  if (extra_ && extra_->handle) {
    extra_->handle->open.store(false, std::memory_order_release);
    extra_->handle->connection = nullptr;
  }
  if (!in_call_) return tell_end({.code = code, .reason = reason, .cause = cause, .detail = detail});
  end_untold_ = true;
  try {
    extra().farewell = {.cause = cause, .code = code, .reason = std::string(reason), .detail = std::string(detail)};
  } catch (const std::bad_alloc&) {
    if (extra_) extra_->farewell = {.cause = cause, .code = code, .reason = {}, .detail = {}};
  }
}

/// The end at once.
void Connection::cut(Cause cause, CloseCode code, std::string_view detail) noexcept {
  cut_ = true;
  lose(cause, code, detail);
}

/// The end without a closing handshake, or in the middle of it.
void Connection::lose(Cause cause, CloseCode code, std::string_view detail) noexcept {
  if (phase_ == Phase::closing && extra_->farewell.cause != Cause::local_closed) {
    // Why we said Close remains the reason, however the peer took it.
    const Farewell& ours = extra_->farewell;
    return end(ours.cause, ours.code, ours.reason, detail);
  }
  end(cause, code, {}, detail);
}

/// `cut`, where the application may be what called.
void Connection::cut_from_call(Cause cause, CloseCode code, std::string_view detail) noexcept {
  const bool nested = enter_application_call();
  cut(cause, code, detail);
  leave_application_call(nested);
}

/// Calls the `on_close` that was deferred.
void Connection::tell_end() noexcept {
  end_untold_ = false;
  const Farewell kept = extra_ ? std::move(extra_->farewell) : Farewell();
  tell_end({.code = kept.code, .reason = kept.reason, .cause = kept.cause, .detail = kept.detail});
}

void Connection::tell_end(const CloseInfo& why) noexcept {
  if (extra_) {
    while (!extra_->memberships.empty()) TopicsState::drop(*this, extra_->memberships.size() - 1);
  }
  if (opened_) {
    in_call_ = true;
    endpoint_->loop.guard("websocket handler", [&] { handler().on_close(*this, why); });
    in_call_ = false;
  }
  if (extra_) extra_->windows.reset();
  has_handler_ = false;
  drop_handler();
  if (phase_ == Phase::closed) return;
  if (cut_ || orphaned_) return close_stream();
  const bool ended = endpoint_->loop.guard("websocket close", [this] {
    // RFC 6455 section 5.5.1: "After both sending and receiving a Close message [...] the server MUST close the
    // underlying TCP connection immediately".
    if (peer_done_) return stream_->close_when_sent();
    // Our Close is to arrive, and closing with the peer's bytes unread would reset it away.
    stream_->end();
    stream_->resume();
  });
  if (!ended) return close_stream();
  endpoint_->loop.arm(*this, endpoint_->options.close_timeout);
}

void Connection::close_stream() noexcept {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  endpoint_->loop.disarm(*this);
  // When the server goes, what it has sent last may still arrive.
  cut_ && !orphaned_ ? stream_->abort() : stream_->close();
}

void Connection::on_closed() noexcept {
  if (end_untold_) tell_end();
  if (!orphaned_) endpoint_->sessions->remove(*this);
  delete this;
}

void Connection::drain() { begin_close(Cause::shutdown, CloseCode::going_away, {}); }

void Connection::abandon() noexcept {
  orphaned_ = true;
  if (phase_ < Phase::ended) {
    cut(Cause::shutdown, CloseCode::going_away, "the server was destroyed");
  } else if (!end_untold_) {
    close_stream();
  } else if (!in_call_) {
    tell_end();
  }
}

// Time

void Connection::on_deadline() noexcept {
  switch (phase_) {
    case Phase::open:
      if (!endpoint_->loop.guard("websocket ping", [this] { check_peer(); })) {
        cut(Cause::out_of_memory, CloseCode::internal_error, "out of memory");
      }
      return;
    case Phase::closing: {
      const Farewell& ours = extra_->farewell;
      const bool unanswered = ours.cause == Cause::local_closed;
      cut_ = true;
      return end(unanswered ? Cause::timeout : ours.cause, ours.code, ours.reason, "the peer did not answer our Close");
    }
    case Phase::opening:
    case Phase::ended:
    case Phase::closed:
      cut_ = true;
      return close_stream();
  }
}

/// Is the peer still there, and does it send on what it has begun? Traffic only notes its tick; all else is done here,
/// once an interval.
void Connection::check_peer() {
  if (!keeps_pace()) return;
  const std::optional<Tick> due = check_silence();
  if (phase_ != Phase::open) return;
  arm_by(due);
  if (const Pace* pace = protocol_.pace()) arm_by(pace->due(endpoint_->pace_bounds));
}

/// Pings a silent peer, cuts one that stays silent, and returns when to look again, if ever.
std::optional<Tick> Connection::check_silence() {
  const Options& options = endpoint_->options;
  if (options.ping_interval.count() <= 0) return {};
  const Tick now = endpoint_->loop.now();
  const Tick interval = Loop::ticks(options.ping_interval);
  const Tick patience = Loop::ticks(options.pong_timeout);
  const Tick due = heard_ + interval + (pinged_ ? patience : 0);
  if (static_cast<std::int32_t>(now - due) < 0) return due;
  // What a peer answers that is not read from, cannot be known.
  const bool listens = !paused_by_handler_;
  if (pinged_ && listens) {
    cut(Cause::timeout, CloseCode::internal_error, "no answer to a ping");
    return {};
  }
  endpoint_->publications.deliver();
  if (phase_ != Phase::open) return {};
  release_window();
  write_control(protocol_.ping({}));
  pinged_ = listens;
  heard_ = listens ? now - interval : now;
  return now + (listens ? patience : interval);
}

/// Whether what the peer has begun to send comes fast enough, if there is something. Otherwise begins the end.
bool Connection::keeps_pace() {
  Pace* const pace = protocol_.pace();
  if (pace == nullptr) return true;
  const auto verdict = pace->check(endpoint_->loop.now(), protocol_.received_bytes(), endpoint_->pace_bounds);
  if (verdict == Pace::Verdict::in_time) return true;
  const bool slow = verdict == Pace::Verdict::too_slow;
  begin_close(Cause::timeout, CloseCode::policy_violation, slow ? "message too slow" : "message took too long");
  protocol_.release(endpoint_->spare);
  return false;
}

/// Something has begun to come and is not complete. Its clock begins, unless it had before.
void Connection::watch_pace() noexcept {
  Pace& pace = *protocol_.pace();
  pace.begin(endpoint_->loop.now());
  if (choked_ || paused_by_handler_) return pace.stop(endpoint_->loop.now());
  arm_by(pace.due(endpoint_->pace_bounds));
}

/// Has the deadline fall due at `due` at the latest.
void Connection::arm_by(std::optional<Tick> due) noexcept {
  if (!due || (armed() && static_cast<std::int32_t>(this->due() - *due) <= 0)) return;
  endpoint_->loop.arm_at(*this, *due);
}

// What it knows

std::size_t Connection::queued_bytes() const noexcept { return stream_->queued_bytes(); }

std::string_view Connection::subprotocol() const noexcept {
  return extra_ ? std::string_view(extra_->subprotocol) : std::string_view();
}

transport::Address Connection::peer_address() const { return stream_->peer_address(); }

Handle Connection::handle() {
  assert(loop().in_thread());
  if (phase_ >= Phase::ended) return {};
  auto& state = extra().handle;
  if (!state) {
    state = std::make_shared<HandleState>(endpoint_->loop.remote(), *this, endpoint_->options);
    state->takes_messages = phase_ != Phase::closing;
  }
  return Handle(state);
}

std::vector<Membership>& Connection::memberships() { return extra().memberships; }

}  // namespace tidewire::websocket
