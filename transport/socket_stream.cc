#include <sys/socket.h>

#include <tidewire/transport/descriptor.h>
#include <tidewire/transport/socket_stream.h>
#include <tidewire/transport/socket_stream_internal.h>
#include <cassert>
#include <cerrno>

namespace tidewire::transport {
namespace {

// Much that is held for one stream leaves before the next is read: what is saved by reading first is little then, and
// the buffer's beginning is in the nearest cache.
constexpr std::size_t held_bytes = 8 * 1024;
// Reads in a row from one socket that always has more, before the others have their turn.
constexpr int reads_per_turn = 16;

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
  if (ready.readable && reading_ && !dead()) read_all(ready.ended);
}

/// Reads until nothing is left. `ended`: there is an end or an error behind the bytes.
void SocketStream::read_all(bool ended) {
  buffers_->held.begin(*this, this);
  int reads = 0;
  while (reading_ && !dead() && read_once(ended)) {
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
bool SocketStream::read_once(bool ended) {
  MutableBytes space;
  deliver([&](Consumer& consumer) { space = consumer.receive_space(); });
  if (dead() || !reading_) return false;
  const bool direct = !space.empty();
  if (!direct) space = buffers_->receive();

  const ssize_t received = ::recv(descriptor(), space.data(), space.size(), 0);
  if (received > 0) {
    const auto count = static_cast<std::size_t>(received);
    deliver([&](Consumer& consumer) { direct ? consumer.on_filled(count) : consumer.on_data(space.first(count)); });
    return ended || count == space.size();
  }
  if (received == 0) {
    take_end();
  } else if (errno == EINTR) {
    return true;
  } else if (errno != EAGAIN) {
    fail_later(-errno);
  }
  return false;
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

void SocketStream::close() noexcept {
  if (closing_) return;
  closing_ = true;
  reading_ = false;
  buffers_->held.take(*this);
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

StreamPtr adopt_socket(Loop& loop, Descriptor socket) {
  assert(loop.in_thread());
  auto* stream = new SocketStream(loop.local<LoopBuffers>(), socket.get());
  (void)socket.release();
  return StreamPtr(stream);
}

}  // namespace tidewire::transport
