#include <sys/socket.h>

#include <tidewire/transport/socket_stream_internal.h>
#include <algorithm>
#include <cassert>
#include <cerrno>
#include <new>
#include <utility>

/// What goes out.
namespace tidewire::transport {
namespace {

// A larger payload is written from where it lies, with what precedes it, instead of being copied.
constexpr std::size_t gather_bytes = 16 * 1024;
// What one system call is given at the most. Little enough that a slow peer's progress shows.
constexpr std::size_t write_pieces = 64;
constexpr std::size_t write_bytes = 256 * 1024;

}  // namespace

// Writing

PendingOutput& SocketStream::pending() {
  if (pending_ == nullptr) {
    auto taken = buffers_->take_pending();
    // What is held was written before what will be queued now.
    try {
      taken->queue.append(buffers_->held.take(*this));
    } catch (...) {
      fail_later(-ENOMEM);  // It is lost: nothing may follow in its place.
      throw;
    }
    pending_ = std::move(taken);
    has_queued_ = true;
  }
  return *pending_;
}

/// Queues what `add` appends to the queue. Lack of memory breaks the connection: its output has a hole.
template <class Add>
void SocketStream::enqueue(Add add) noexcept {
  try {
    add(pending().queue);
  } catch (const std::bad_alloc&) {
    return fail_later(-ENOMEM);
  }
  mark_dirty();
  // Much that was written in one turn is not yet a sign of a slow peer: let the system have it.
  if (pending_->queue.size() >= write_bytes) push();
}

/// Has the failure told when the consumer is not on the stack.
void SocketStream::fail_later(int status) noexcept {
  if (failure_ == 0) failure_ = status;
  mark_dirty();
}

void SocketStream::mark_dirty() noexcept {
  // A read callback flushes when it returns, and a blocked stream when the system tells.
  if (dirty_ || buffers_->held.holder() == this || (blocked_ && failure_ == 0)) return;
  dirty_ = true;
  loop().flush_later(*this);
}

/// Whether `size` more bytes can be held.
bool SocketStream::make_room(std::size_t size) noexcept {
  if (!holding() || size > gather_bytes) return false;
  if (size > buffers_->held.room().size()) buffers_->held.flush_now();
  return holding();
}

MutableBytes SocketStream::reserve(std::size_t size) {
  reserved_in_hold_ = make_room(size);
  return reserved_in_hold_ ? buffers_->held.room() : pending().queue.reserve(size);
}

void SocketStream::commit(std::size_t count) {
  if (refuses()) return;
  if (reserved_in_hold_) {
    assert(holding());  // Room is reserved and committed within one callback.
    buffers_->held.add(count);
  } else {
    enqueue([count](OutputQueue& queue) { queue.commit(count); });
  }
}

void SocketStream::write(Bytes head, Bytes body) {
  if (refuses()) return;
  const std::size_t total = head.size() + body.size();
  if (make_room(total)) {
    buffers_->held.add(head, body);
  } else if (total > gather_bytes && pending_ == nullptr) {
    write_now({buffers_->held.take(*this), head, body});
  } else {
    enqueue([&](OutputQueue& queue) { queue.append(head, body); });
  }
}

void SocketStream::write(const SharedBytes& bytes) {
  if (refuses()) return;
  if (make_room(bytes.size())) {
    buffers_->held.add(bytes.view(), {});
  } else {
    enqueue([&](OutputQueue& queue) { queue.append(bytes); });
  }
}

void SocketStream::write_last(const SharedBytes& bytes) {
  if (!may_write_through()) return write(bytes);
  const Bytes rest = write_through(bytes.view());
  if (rest.empty()) return;
  enqueue([&](OutputQueue& queue) {
    queue.append(bytes);
    queue.consume(bytes.size() - rest.size());
  });
}

void SocketStream::write_last(Bytes bytes) {
  if (!may_write_through()) return write(bytes, {});
  const Bytes rest = write_through(bytes);
  if (!rest.empty()) enqueue([&](OutputQueue& queue) { queue.append(rest); });
}

/// Whether nothing has to go, or to be said, before what is written next.
bool SocketStream::may_write_through() noexcept {
  if (pending_ != nullptr || buffers_->held.holder() == this) return false;
  // What is held of this stream goes first; then nothing of it waits, or all that follows does.
  if (const Bytes before = buffers_->held.take(*this); !before.empty()) send_held(before);
  return pending_ == nullptr && !refuses();
}

/// Writes at once, and returns what did not leave, for the queue.
Bytes SocketStream::write_through(Bytes bytes) noexcept {
  const ssize_t sent = send_piece(descriptor(), bytes);
  if (sent < 0) {
    fail_later(static_cast<int>(sent));
    return {};
  }
  taken_bytes_ += static_cast<std::size_t>(sent);
  const Bytes rest = bytes.subspan(static_cast<std::size_t>(sent));
  if (!rest.empty()) block();
  return rest;
}

/// Writes pieces from where they lie; what does not leave is queued.
void SocketStream::write_now(std::array<Bytes, 3> pieces) noexcept {
  std::array<iovec, 3> parts{as_iovec(pieces[0]), as_iovec(pieces[1]), as_iovec(pieces[2])};
  const ssize_t sent = send_pieces(descriptor(), parts.data(), parts.size());
  if (sent < 0) return fail_later(static_cast<int>(sent));
  auto gone = static_cast<std::size_t>(sent);
  taken_bytes_ += gone;
  if (gone == pieces[0].size() + pieces[1].size() + pieces[2].size()) return;
  block();
  enqueue([&](OutputQueue& queue) {
    for (const Bytes piece : pieces) {
      const std::size_t skip = std::min(gone, piece.size());
      queue.append(piece.subspan(skip));
      gone -= skip;
    }
  });
}

void SocketStream::send_held(Bytes bytes) noexcept {
  if (dead() || failure_ != 0) return;
  const Bytes rest = write_through(bytes);
  if (!rest.empty()) enqueue([&](OutputQueue& queue) { queue.append(rest); });
}

/// The system takes no more now, and is to tell when it does.
void SocketStream::block() noexcept {
  blocked_ = true;
  if (const int status = watch_writing(loop()); status != 0) fail_later(status);
}

/// The end of the turn, or of the callback.
void SocketStream::flush() noexcept {
  dirty_ = false;
  if (closing_) return finish_close();
  if (dead()) return;
  if (failure_ != 0) return fail(failure_);
  push();
  report();
}

/// Writes what waits, until it is all gone or the system takes no more. Calls nobody: what comes of it is for
/// `report` to tell.
void SocketStream::push() noexcept {
  while (pending_ != nullptr && !dead() && !blocked_ && failure_ == 0 && !pending_->queue.empty()) {
    std::array<Bytes, write_pieces> pieces;
    std::array<iovec, write_pieces> parts;
    const std::size_t count = pending_->queue.front(pieces, write_bytes);
    std::size_t total = 0;
    for (std::size_t index = 0; index < count; ++index) {
      parts[index] = as_iovec(pieces[index]);
      total += pieces[index].size();
    }
    // What is followed by the FIN leaves with it, in one segment.
    const int flags = ending_ && total == pending_->queue.size() ? MSG_MORE : 0;
    const ssize_t sent =
        count == 1 ? send_piece(descriptor(), pieces[0], flags) : send_pieces(descriptor(), parts.data(), count, flags);
    if (sent < 0) return fail_later(static_cast<int>(sent));
    const auto gone = static_cast<std::size_t>(sent);
    taken_bytes_ += gone;
    pending_->progress |= gone != 0;
    pending_->queue.consume(gone);
    if (gone < total) block();
  }
}

/// Tells the consumer what came of writing. When nothing waits any more, sends the FIN that was to follow, and
/// gives the memory back.
void SocketStream::report() noexcept {
  if (dead() || pending_ == nullptr) return;
  if (failure_ != 0) return fail(failure_);
  const bool sent = pending_->queue.empty();
  if (leaving_ && sent) return close();
  if (ending_ && !ended_ && sent) {
    ended_ = true;
    pending_->progress = true;
    // A peer that has gone already makes this fail; reading tells of it.
    ::shutdown(descriptor(), SHUT_WR);
  }
  if (std::exchange(pending_->progress, false) && !leaving_) {
    deliver([](Consumer& consumer) { consumer.on_writable(); });
  }
  // One that is in the loop's list, or waits for the system, comes here again by that.
  if (dead() || failure_ != 0 || dirty_ || blocked_ || !sent || !pending_->queue.empty()) return;
  give_back();
}

void SocketStream::give_back() noexcept {
  if (pending_ != nullptr) buffers_->give_back(std::move(pending_));
  has_queued_ = false;
}

void SocketStream::end() {
  if (refuses()) return;
  // The FIN leaves where output leaves, at the end of the callback or the turn.
  enqueue([](OutputQueue&) {});
  ending_ = true;
}

}  // namespace tidewire::transport
