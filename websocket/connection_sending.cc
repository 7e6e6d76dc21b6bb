#include <tidewire/transport/held_output.h>
#include <tidewire/websocket/connection.h>
#include <tidewire/websocket/connection_extra.h>
#include <tidewire/websocket/frame_forms.h>
#include <tidewire/websocket/pace.h>
#include <tidewire/websocket/prepared_message.h>
#include <tidewire/websocket/publications.h>
#include <tidewire/websocket/shared_frame.h>
#include <array>
#include <cassert>

/// Sending, and what becomes of it when the peer is slow.
namespace tidewire::websocket {
namespace {

// Up to this size, a message is composed where its stream holds what is sent within a read callback.
constexpr std::size_t composed_bytes = 4096;

// What a frame that is held takes beside its bytes: the reference in a vector that may have twice the room that it
// uses, and the block's header with malloc's share.
constexpr std::size_t held_frame_bytes = 64;

// Copies a payload, which as often as not is the one just received: of 17 to 32 bytes, it lies in the store buffer
// in two halves that overlap, as apply_mask_short left them. A load that takes from both would have to wait until they
// are in the cache, half of what such a message costs. So the second half is taken as it was stored, and of the first
// what comes before it.
inline void copy_payload(std::byte* to, Bytes payload) noexcept {
  constexpr std::size_t half_bytes = 16;
  if (payload.size() > half_bytes && payload.size() <= 2 * half_bytes) {
    const std::size_t before = payload.size() - half_bytes;
    std::memcpy(to + before, payload.data() + before, half_bytes);
    payload = payload.first(before);
  }
  copy_bytes(to, payload);
}

}  // namespace

SendStatus Connection::send(const Message& message) {
  assert(loop().in_thread());
  return protocol_.may_send_message() && compose_held(message) ? SendStatus::sent : send_any(message);
}

/// The common case, a short answer to what is being received: does what the stream's write would do, without the
/// call. False if that would do something else. Nothing waits then, so that no limit is near.
inline bool Connection::compose_held(const Message& message) noexcept {
  transport::HeldOutput& held = endpoint_->held;
  if (held.stream() != stream_.get() || stream_->has_queued() || !endpoint_->publications.empty()) return false;
  const MutableBytes room = held.room();
  if (message.size() > composed_bytes || compresses(message.size()) || room.size() < max_header_bytes + composed_bytes)
    return false;
  const std::size_t header_bytes = encode_header(
      {.opcode = message.is_text() ? Opcode::text : Opcode::binary, .payload_bytes = message.size()}, room.data());
  held.add(header_bytes + message.size());
  copy_payload(room.data() + header_bytes, message.bytes());
  return true;
}

SendStatus Connection::send_any(const Message& message) {
  endpoint_->publications.deliver();
  if (phase_ != Phase::open) return SendStatus::closed;
  if (protocol_.in_parts()) return hold(shared_frame(message));
  if (const SendStatus status = admit(message.size()); status != SendStatus::sent) {
    if (status == SendStatus::dropped && endpoint_->options.backpressure == Backpressure::keep_latest) {
      extra().latest = shared_frame(message);
    }
    return status;
  }
  if (compresses(message.size())) {
    if (const auto compressed = compress_whole(message.bytes())) {
      return write_message({message.type(), *compressed}, true);
    }
  }
  return write_message(message, false);
}

inline SendStatus Connection::write_message(const Message& message, bool compressed) {
  std::array<std::byte, max_header_bytes> header;
  const std::size_t size =
      protocol_.encode_message_header(message.type(), message.size(), header.data(), 0, compressed);
  stream_->write({header.data(), size}, message.bytes());
  return after_write();
}

SendStatus Connection::send(const PreparedMessage& message) {
  assert(loop().in_thread());
  endpoint_->publications.deliver();
  if (phase_ != Phase::open) return SendStatus::closed;
  if (takes_own_form()) return send_any(message.message());
  return write_shared(
      message.frame(shared_form(), endpoint_->spare.engines(), endpoint_->deflated, endpoint_->loop.budget()));
}

void Connection::send_shared(FrameForms& forms, bool last) noexcept {
  if (phase_ != Phase::open) return;
  // A publish is in the middle of a list of connections: if this one ends, its handler is called later.
  const bool nested = enter_application_call();
  try {
    if (!protocol_.deflates()) {
      const auto frames = forms.plain();
      write_frames(frames.each, frames.joined, last);
    } else if (takes_own_form()) {
      for (const SharedBytes& frame : forms.plain().each) static_cast<void>(send_any(message_of(frame)));
    } else {
      const auto frames =
          forms.in(shared_form(), endpoint_->spare.engines(), endpoint_->deflated, endpoint_->loop.budget());
      write_frames(frames.each, frames.joined, last);
    }
  } catch (const std::bad_alloc&) {
    cut(Cause::out_of_memory, CloseCode::internal_error, "out of memory");
  }
  leave_application_call(nested);
}

void Connection::write_frames(std::span<const SharedBytes> each, const SharedBytes& joined, bool last) {
  const std::size_t queued = stream_->has_queued() ? stream_->queued_bytes() : 0;
  if (joined.empty() || !has_room(joined.size(), queued)) {
    for (const SharedBytes& frame : each) static_cast<void>(write_shared(frame));
    return;
  }
  if (protocol_.deflates()) forget_window(joined);
  last ? stream_->write_last(joined) : stream_->write(joined);
  if (queued + joined.size() > endpoint_->options.high_water_mark) static_cast<void>(after_write());
}

/// Whether messages of so many bytes would all be written to what is queued, each for itself.
bool Connection::has_room(std::size_t bytes, std::size_t queued) const noexcept {
  if (protocol_.in_parts() || queued + bytes > endpoint_->options.max_backpressure) return false;
  return !stream_->has_queued() || !extra_ || extra_->latest.empty();
}

SendStatus Connection::write_shared(const SharedBytes& frame) {
  if (phase_ != Phase::open) return SendStatus::closed;
  if (protocol_.in_parts()) return hold(frame);
  if (const SendStatus status = admit(frame.size()); status != SendStatus::sent) {
    if (status == SendStatus::dropped && endpoint_->options.backpressure == Backpressure::keep_latest) {
      extra().latest = frame;
    }
    return status;
  }
  write_frame(frame);
  return after_write();
}

/// Writes a frame that was made for many.
void Connection::write_frame(const SharedBytes& frame) {
  if (protocol_.deflates()) forget_window(frame);
  stream_->write(frame);
}

SendStatus Connection::send_part(const Message& part, bool last) {
  assert(loop().in_thread());
  if (!protocol_.in_parts() && last) return send(part);
  endpoint_->publications.deliver();
  if (phase_ != Phase::open) return SendStatus::closed;
  const std::size_t queued = stream_->queued_bytes();
  if (queued != 0 && queued + part.size() > endpoint_->options.max_backpressure) {
    begin_close(Cause::backpressure, CloseCode::policy_violation, "too slow");
    return SendStatus::closed;
  }
  const bool first = !protocol_.in_parts();
  if (first) deflating_ = protocol_.deflates();
  std::optional<Bytes> compressed;
  if (deflating_) {
    compressed = compress(part.bytes(), last);
    if (!compressed && !first) {
      cut_from_call(Cause::out_of_memory, CloseCode::internal_error, "out of memory");
      return SendStatus::closed;
    }
    deflating_ = compressed.has_value();
  }
  const Bytes payload = compressed.value_or(part.bytes());
  const auto header = first ? protocol_.begin_message(part.type(), payload.size(), 0, deflating_)
                            : protocol_.continue_message(payload.size(), last);
  stream_->write(header.value().bytes(), payload);
  if (last) {
    send_held();
    if (stream_->queued_bytes() <= endpoint_->options.high_water_mark / 2) send_postponed();
  }
  return after_write();
}

SendStatus Connection::ping(Bytes payload) {
  assert(loop().in_thread());
  endpoint_->publications.deliver();
  if (phase_ != Phase::open) return SendStatus::closed;
  if (payload.size() > max_control_payload_bytes) return SendStatus::dropped;
  if (stream_->queued_bytes() > endpoint_->options.max_backpressure) return SendStatus::dropped;
  write_control(protocol_.ping(payload));
  return after_write();
}

void Connection::write_control(const Result<ControlFrame>& frame) {
  if (frame) stream_->write(frame->bytes());
}

/// May this much be added to what waits? Asked before a message, whose size may exceed every limit if
/// nothing waits before it.
SendStatus Connection::admit(std::size_t bytes) {
  if (!stream_->has_queued()) return SendStatus::sent;
  // What is newer must not overtake the message that is kept.
  if (extra_ && !extra_->latest.empty()) return SendStatus::dropped;
  const std::size_t queued = stream_->queued_bytes();
  if (queued == 0 || queued + bytes <= endpoint_->options.max_backpressure) return SendStatus::sent;
  if (endpoint_->options.backpressure != Backpressure::close) return SendStatus::dropped;
  begin_close(Cause::backpressure, CloseCode::policy_violation, "too slow");
  return SendStatus::closed;
}

SendStatus Connection::after_write() noexcept {
  if (!stream_->has_queued() || stream_->queued_bytes() <= endpoint_->options.high_water_mark) return SendStatus::sent;
  over_high_water_ = true;
  return SendStatus::queued;
}

/// A message in parts is under way, and nothing may come between its parts (RFC 6455 5.4).
SendStatus Connection::hold(const SharedBytes& frame) {
  ConnectionExtra& more = extra();
  const std::size_t bytes = frame.size() + held_frame_bytes;
  if (more.held_bytes + stream_->queued_bytes() + bytes > endpoint_->options.max_backpressure) {
    if (endpoint_->options.backpressure != Backpressure::close) return SendStatus::dropped;
    begin_close(Cause::backpressure, CloseCode::policy_violation, "too slow");
    return SendStatus::closed;
  }
  more.held.push_back(frame);
  more.held_bytes += bytes;
  return after_write();
}

void Connection::send_held() {
  if (!extra_ || extra_->held.empty()) return;
  const auto held = std::exchange(extra_->held, {});
  extra_->held_bytes = 0;
  for (const SharedBytes& frame : held) write_frame(frame);
}

void Connection::on_writable() {
  if (phase_ >= Phase::ended) {
    if (phase_ == Phase::ended && !end_untold_ && peer_ended_ && stream_->queued_bytes() == 0) close_stream();
    return;
  }
  // A peer that takes what waited is there, though we may not be reading from it. That the system took what did
  // not have to wait, a ping above all, says nothing about the peer.
  const std::size_t queued = stream_->queued_bytes();
  if (extra_ && extra_->handle) extra_->handle->queued_bytes.store(queued, std::memory_order_relaxed);
  if (choked_ || queued != 0) {
    heard_ = endpoint_->loop.now();
    pinged_ = false;
  }
  if (queued > endpoint_->options.high_water_mark / 2) return;
  stop_choking();
  send_postponed();
  if (!over_high_water_ || phase_ != Phase::open) return;
  over_high_water_ = false;
  call([this] { handler().on_drain(*this); });
}

void Connection::drain_posts() noexcept {
  if (phase_ != Phase::open) return;
  over_high_water_ = stream_->queued_bytes() > endpoint_->options.high_water_mark / 2;
  if (!over_high_water_) call([this] { handler().on_drain(*this); });
}

/// Reads again from a peer that reads.
void Connection::stop_choking() {
  if (!choked_) return;
  choked_ = false;
  if (paused_by_handler_) return;
  stream_->resume();
  resume_pace();
}

void Connection::send_postponed() {
  if (!extra_ || phase_ != Phase::open) return;
  if (extra_->pong) {
    write_control(protocol_.pong(extra_->pong->view()));
    extra_->pong.reset();
  }
  if (!extra_->latest.empty() && !protocol_.in_parts()) write_frame(std::exchange(extra_->latest, {}));
}

}  // namespace tidewire::websocket
