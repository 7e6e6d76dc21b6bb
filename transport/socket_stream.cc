#include <sys/socket.h>

#include <tidewire/transport/descriptor.h>
#include <tidewire/transport/socket_stream.h>
#include <tidewire/transport/socket_stream_internal.h>
#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <utility>

namespace tidewire::transport {
namespace {

// Much that is held for one stream leaves before the next is read: what is saved by reading first is little then, and
// the buffer's beginning is in the nearest cache.
constexpr std::size_t held_bytes = 8 * 1024;
// Reads in a row from one socket that always has more, before the others have their turn.
constexpr int reads_per_turn = 16;
// What is read and dropped before a close that is to leave the peer what it has not read yet.
constexpr std::size_t most_dropped_bytes = 256 * 1024;
// How long the system goes on after the close with a peer that takes nothing of what is left; where that is little, as
// long as it likes, which saves a call.
constexpr std::chrono::milliseconds delivery_timeout{20'000};
constexpr std::uint64_t unbounded_bytes = 64 * 1024;

}  // namespace

// Reading

void SocketStream::resume() {
  if (reading_ || dead() || peer_ended_ || leaving_) return;
  reading_ = true;
  if (const int status = watch_reading(loop()); status != 0) fail_later(status);
}

void SocketStream::pause() noexcept {
  reading_ = false;
  ignore_reading();
}

void SocketStream::on_ready(Ready ready) noexcept {
  if (dead()) return;
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

/// Reads until nothing is left. `to_the_end`: a short read is not the last one, for an end, an error or a mark of
/// urgent bytes follows.
void SocketStream::read_all(bool to_the_end) {
  buffers_->held.begin(*this, this);
  int reads = 0;
  while (reading_ && !dead() && read_once(to_the_end)) {
    if (++reads < reads_per_turn) continue;
    if (const int status = watch_reading(loop()); status != 0) fail_later(status);
    break;
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
  }

  bool more = false;
  const ssize_t received = local_ ? receive_local(descriptor(), space, more) : receive_piece(descriptor(), space);
  if (received > 0) {
    const auto count = static_cast<std::size_t>(received);
    more_ = to_the_end || more || count == space.size();
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
