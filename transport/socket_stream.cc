#include <sys/socket.h>

#include <tidewire/transport/descriptor.h>
#include <tidewire/transport/socket_stream.h>
#include <tidewire/transport/socket_stream_internal.h>
#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <new>
#include <utility>

namespace tidewire::transport {
namespace {

// Much that is held for one stream leaves before the next is read: what is saved by reading first is little then, and
// the buffer's beginning is in the nearest cache.
constexpr std::size_t held_bytes = 8 * 1024;
// What is read and dropped before a close that is to leave the peer what it has not read yet.
constexpr std::size_t most_dropped_bytes = 256 * 1024;
// How long the system goes on after the close with a peer that takes nothing of what is left; where that is little, as
// long as it likes, which saves a call.
constexpr std::chrono::milliseconds delivery_timeout{20'000};
constexpr std::uint64_t unbounded_bytes = 64 * 1024;
// Of a peer whose bytes take longer than a slice, no more is read at once than is soon done with: what waits is better
// kept by the system.
constexpr std::size_t laborious_bytes = 32 * 1024;

}  // namespace

/// What the consumer gave back, until it is delivered again.
struct SocketStream::Unread final : Resumable {
  explicit Unread(SocketStream& its) noexcept : stream(its) {}

  void go_on() noexcept override { stream.go_on(); }

  /// Whether `rest` is the end of what is being delivered again.
  [[nodiscard]] bool holds(Bytes rest) const noexcept {
    return delivering && !rest.empty() && rest.data() + rest.size() == bytes.data() + bytes.size();
  }

  SocketStream& stream;
  Buffer bytes;
  Buffer next;              // What was given back while `bytes` are delivered and is not their end.
  bool delivering = false;  // The consumer has `bytes`.
  bool given_back = false;  // There is something to deliver, though it may be empty.
};

SocketStream::SocketStream(LoopBuffers& buffers, int descriptor, bool local) noexcept
    : Watched(descriptor), buffers_(&buffers) {
  local_ = local;
}

SocketStream::~SocketStream() = default;

// Reading

void SocketStream::resume() {
  if (dead() || leaving_) return;
  if (unread_ && unread_->given_back) loop().resume_later(*unread_);
  if (reading_ || peer_ended_) return;
  reading_ = true;
  if (const int status = watch_reading(loop()); status != 0) fail_later(status);
}

void SocketStream::pause() noexcept {
  reading_ = false;
  if (unread_) unread_->cancel_resume();
  ignore_reading();
}

void SocketStream::unread(Bytes rest) noexcept {
  if (dead() || leaving_) return;
  laborious_ = loop().budget().spent();
  try {
    if (!unread_) unread_ = std::make_unique<Unread>(*this);
    if (unread_->holds(rest)) {
      unread_->bytes.consume(unread_->bytes.size() - rest.size());
    } else {
      (unread_->delivering ? unread_->next : unread_->bytes).append(rest);
      if (unread_->delivering) unread_->bytes.clear();
    }
  } catch (const std::bad_alloc&) {
    return fail_later(-ENOMEM);
  }
  unread_->given_back = true;
  if (reading_ || peer_ended_) loop().resume_later(*unread_);
}

/// In a later turn than that in which bytes were given back.
void SocketStream::go_on() noexcept {
  // What was left may not have been all that there was, and the system does not say so again.
  if (dead()) return;
  read_all(true);
  if (end_seen_ && !reading_ && !dead()) report_end(error_seen_);
}

void SocketStream::deliver_unread() noexcept {
  Unread& kept = *unread_;
  kept.given_back = false;
  kept.delivering = true;
  deliver([&](Consumer& consumer) { consumer.on_data(kept.bytes.bytes()); });
  kept.delivering = false;
  if (!kept.next.empty()) kept.bytes = std::exchange(kept.next, Buffer());
  if (!kept.given_back || dead()) unread_.reset();
}

void SocketStream::on_ready(Ready ready) noexcept {
  if (dead()) return;
  // The system does not repeat them, and bytes that were given back may have to be delivered before.
  end_seen_ = end_seen_ || ready.ended;
  error_seen_ = error_seen_ || ready.broken;
  if (ready.writable && blocked_) {
    blocked_ = false;
    ignore_writing();
    push();
    report();
  }
  if (ready.readable && reading_ && !dead()) {
    read_all(ready.ended || ready.urgent);
  } else if (ready.readable) {
    more_ = true;
  }
  if (ready.ended && !reading_ && !dead()) report_end(ready.broken);
}

/// Reads until nothing is left, or the slice is spent. `to_the_end`: a short read is not the last one, for an end, an
/// error or a mark of urgent bytes follows.
void SocketStream::read_all(bool to_the_end) {
  if (unread_ && unread_->waits_to_resume()) return;
  const Budget& budget = loop().budget();
  buffers_->held.begin(*this, this);
  if (unread_) deliver_unread();
  while (reading_ && !dead() && !unread_) {
    if (budget.spent()) {
      if (const int status = watch_reading(loop()); status != 0) fail_later(status);
      break;
    }
    if (!read_once(to_the_end)) break;
  }
  buffers_->held.end();
  if (dead()) return;
  if (buffers_->held.held_bytes(*this) >= held_bytes) send_held(buffers_->held.take(*this));
  if (failure_ != 0) return fail(failure_);
  if (pending_ != nullptr) {
    push();
    report();
  }
}

/// Returns whether there may be more.
bool SocketStream::read_once(bool to_the_end) {
  MutableBytes space;
  deliver([&](Consumer& consumer) { space = consumer.receive_space(); });
  if (dead() || !reading_) return false;
  const bool direct = !space.empty();
  if (!direct) {
    space = buffers_->receive();
    if (consumer_ != nullptr) space = space.first(std::min(space.size(), consumer_->receive_limit()));
    if (laborious_) space = space.first(std::min(space.size(), laborious_bytes));
  }

  bool more = false;
  const ssize_t received = local_ ? receive_local(descriptor(), space, more) : receive_piece(descriptor(), space);
  if (received > 0) {
    const auto count = static_cast<std::size_t>(received);
    more_ = to_the_end || more || count == space.size();
    loop().budget().charge(work::read + count * work::byte_received);
    laborious_ = false;
    deliver([&](Consumer& consumer) { direct ? consumer.on_filled(count) : consumer.on_data(space.first(count)); });
    return more_;
  }
  more_ = false;
  if (received == 0) {
    take_end();
  } else if (received != -EAGAIN) {
    fail_later(static_cast<int>(received));
  }
  return false;
}

/// The peer has gone or has ended its side, and what it sent before is not read now, or all was read already.
void SocketStream::report_end(bool broken) noexcept {
  if (broken) {
    if (const int error = pending_error(descriptor()); error != 0) fail(-error);
    return;
  }
  if (peer_ended_ || end_reported_ || leaving_) return;
  end_reported_ = true;
  deliver([](Consumer& consumer) { consumer.on_peer_ended(); });
}

void SocketStream::take_end() noexcept {
  reading_ = false;
  peer_ended_ = true;
  ignore_reading();
  deliver([](Consumer& consumer) { consumer.on_end(); });
}

/// Never called from within a call of the consumer's: see fail_later.
void SocketStream::fail(const Error& error) noexcept {
  if (dead()) return;
  broken_ = true;
  reading_ = false;
  ignore_reading();
  ignore_writing();
  buffers_->held.take(*this);
  if (consumer_ != nullptr && attempt([&] { consumer_->on_failed(error); })) close();
}

// The end

void SocketStream::close_when_sent() {
  pause();
  if (!refuses()) end();
  leaving_ = true;
  // After an `end`, nothing may be left that waits.
  if (ended_ || dead()) close();
}

/// Closing with bytes unread makes a reset of it, and the peer loses what it has not read.
void SocketStream::drop_unread() noexcept {
  std::array<std::byte, 16 * 1024> dropped;
  bool more = false;
  for (std::size_t total = 0; total < most_dropped_bytes;) {
    const ssize_t count = receive_local(descriptor(), dropped, more);
    if (count <= 0) return;
    total += static_cast<std::size_t>(count);
  }
}

void SocketStream::abort() noexcept {
  if (!closing_ && !broken_ && (has_queued_ || unacknowledged_bytes(descriptor()) != 0)) reset_on_close(descriptor());
  close();
}

void SocketStream::close() noexcept {
  if (closing_) return;
  closing_ = true;
  reading_ = false;
  buffers_->held.take(*this);
  if (!broken_) {
    if (leaving_ && more_) drop_unread();
    if (taken_bytes_ > unbounded_bytes && !local_) bound_delivery(descriptor(), delivery_timeout);
  }
  // The consumer may be looking at it.
  if (unread_ && !unread_->delivering) unread_.reset();
  close_descriptor(loop());
  give_back();
  if (dirty_) return;
  dirty_ = true;
  loop().flush_later(*this);
}

void SocketStream::finish_close() noexcept {
  closed_ = true;
  if (released_) {
    delete this;
  } else if (consumer_ != nullptr) {
    consumer_->on_closed();
  }
}

void SocketStream::release() noexcept {
  consumer_ = nullptr;
  released_ = true;
  if (closed_) {
    delete this;
  } else {
    close();
  }
}

std::optional<std::uint64_t> SocketStream::acknowledged_bytes() const noexcept {
  if (closing_ || local_) return std::nullopt;
  return transport::acknowledged_bytes(descriptor());
}

StreamPtr adopt_socket(Loop& loop, Descriptor socket) {
  const bool local = is_local(socket.get());
  return adopt_socket(loop, std::move(socket), local);
}

StreamPtr adopt_socket(Loop& loop, Descriptor socket, bool local) {
  assert(loop.in_thread());
  auto* stream = new SocketStream(loop.local<LoopBuffers>(), socket.get(), local);
  (void)socket.release();
  return StreamPtr(stream);
}

}  // namespace tidewire::transport
