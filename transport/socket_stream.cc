#include <sys/socket.h>
#include <sys/uio.h>

#include <tidewire/core/watched.h>
#include <tidewire/transport/attempt.h>
#include <tidewire/transport/descriptor.h>
#include <tidewire/transport/loop_buffers.h>
#include <tidewire/transport/socket_stream.h>
#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <new>
#include <utility>

namespace tidewire::transport {
namespace {

// A larger payload is written from where it lies, with what precedes it, instead of being copied.
constexpr std::size_t gather_bytes = 16 * 1024;
// What one system call is given at the most. Little enough that a slow peer's progress shows.
constexpr std::size_t write_pieces = 64;
constexpr std::size_t write_bytes = 256 * 1024;
// Much that is held for one stream leaves before the next is read: what is saved by reading first is little then, and
// the buffer's beginning is in the nearest cache.
constexpr std::size_t held_bytes = 8 * 1024;
// Reads in a row from one socket that always has more, before the others have their turn.
constexpr int reads_per_turn = 16;

iovec as_iovec(Bytes bytes) noexcept {
  // iovec serves reading too, so it has no const; the system does not change what it writes.
  return {.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
}

/// What the system took, or a negative error number; 0 when it takes nothing now. `flags`: MSG_MORE or nothing.
ssize_t send_pieces(int descriptor, iovec* pieces, std::size_t count, int flags = 0) noexcept {
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = count;
  for (;;) {
    const ssize_t sent = ::sendmsg(descriptor, &message, flags | MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    if (errno == EAGAIN) return 0;
    if (errno != EINTR) return -errno;
  }
}

/// The same for one piece: the common case, and the cheaper call.
ssize_t send_piece(int descriptor, Bytes bytes, int flags = 0) noexcept {
  for (;;) {
    const ssize_t sent = ::send(descriptor, bytes.data(), bytes.size(), flags | MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    if (errno == EAGAIN) return 0;
    if (errno != EINTR) return -errno;
  }
}

/// What a stream remembers about itself. A base, so that it fills the gap behind Stream's own members.
class StreamFlags {
 protected:
  bool reserved_in_hold_ : 1 = false;
  bool reading_ : 1 = false;
  bool peer_ended_ : 1 = false;  // FIN has come.
  bool blocked_ : 1 = false;     // The system takes no more output now; it will tell.
  bool dirty_ : 1 = false;       // In the loop's list.
  bool broken_ : 1 = false;      // The connection failed; nothing goes in or out any more.
  bool ending_ : 1 = false;      // FIN is to follow what waits.
  bool leaving_ : 1 = false;     // And the end of this stream, without the peer's.
  bool ended_ : 1 = false;       // FIN was sent.
  bool closing_ : 1 = false;
  bool closed_ : 1 = false;
  bool released_ : 1 = false;
};

/// A stream over a socket of ours, which the loop watches. An idle one is this object alone.
class SocketStream final : public Stream,
                           private StreamFlags,
                           private Watched,
                           private Flushable,
                           private HeldOutput::Holder {
 public:
  SocketStream(LoopBuffers& buffers, int descriptor) noexcept : Watched(descriptor), buffers_(&buffers) {}

  void attach(Consumer& consumer) noexcept override { consumer_ = &consumer; }
  void resume() override;
  void pause() noexcept override;
  MutableBytes reserve(std::size_t size) override;
  void commit(std::size_t count) override;
  void write(Bytes head, Bytes body) override;
  void write(const SharedBytes& bytes) override;
  void write_last(const SharedBytes& bytes) override;
  void write_last(Bytes bytes) override;
  using Stream::write;
  std::size_t queued_bytes() const noexcept override { return pending_ == nullptr ? 0 : pending_->queue.size(); }
  void end() override;
  void close_when_sent() override;
  void close() noexcept override;
  bool closing() const noexcept override { return closing_; }
  Address local_address() const override { return address(::getsockname); }
  Address peer_address() const override { return address(::getpeername); }
  Loop& loop() const noexcept override { return buffers_->loop; }

 private:
  ~SocketStream() override = default;
  void release() noexcept override;
  Address address(int (*query)(int, sockaddr*, socklen_t*)) const;

  void on_ready(Ready ready) noexcept override;
  void flush() noexcept override;
  void send_held(Bytes bytes) noexcept override;

  void read_all(bool ended);
  bool read_once(bool ended);
  void take_end() noexcept;
  /// Runs a callback of the consumer; what it throws breaks the connection.
  template <class Call>
  void deliver(Call call) noexcept;
  void fail(int status) noexcept { fail(Error::system(status)); }
  void fail(const Error& error) noexcept;
  [[nodiscard]] bool dead() const noexcept { return closing_ || broken_; }
  /// Whether output is not taken any more.
  [[nodiscard]] bool refuses() const noexcept { return dead() || ending_ || failure_ != 0; }

  /// Whether this stream's writes are being held: its read callback runs, and nothing waits before them.
  [[nodiscard]] bool holding() const noexcept { return buffers_->held.holder() == this && pending_ == nullptr; }
  bool make_room(std::size_t size) noexcept;
  [[nodiscard]] bool may_write_through() noexcept;
  [[nodiscard]] Bytes write_through(Bytes bytes) noexcept;
  void write_now(std::array<Bytes, 3> pieces) noexcept;
  PendingOutput& pending();
  template <class Add>
  void enqueue(Add add) noexcept;
  void fail_later(int status) noexcept;
  void mark_dirty() noexcept;
  void block() noexcept;
  void push() noexcept;
  void report() noexcept;
  void give_back() noexcept;
  void finish_close() noexcept;

  int failure_ = 0;  // A negative error number to be told at the end of the callback or turn.
  Consumer* consumer_ = nullptr;
  LoopBuffers* buffers_;
  std::unique_ptr<PendingOutput> pending_;
};

// What an idle connection costs beside its protocol's own state.
static_assert(sizeof(SocketStream) <= 104);

Address SocketStream::address(int (*query)(int, sockaddr*, socklen_t*)) const {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* generic = reinterpret_cast<sockaddr*>(&storage);
  if (query(descriptor(), generic, &size) != 0) return {};
  return Address::from(generic, size);
}

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

template <class Call>
void SocketStream::deliver(Call call) noexcept {
  if (consumer_ == nullptr) return;
  if (const auto error = attempt([&] { call(*consumer_); })) fail(*error);
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
  if (leaving_ && pending_->queue.empty()) return close();
  if (ending_ && !ended_ && pending_->queue.empty()) {
    ended_ = true;
    pending_->progress = true;
    // A peer that has gone already makes this fail; reading tells of it.
    ::shutdown(descriptor(), SHUT_WR);
  }
  if (std::exchange(pending_->progress, false) && !leaving_) {
    deliver([](Consumer& consumer) { consumer.on_writable(); });
  }
  // One that is in the loop's list comes here again by that.
  if (dead() || failure_ != 0 || dirty_ || !pending_->queue.empty()) return;
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

}  // namespace

StreamPtr adopt_socket(Loop& loop, Descriptor socket) {
  assert(loop.in_thread());
  auto* stream = new SocketStream(loop.local<LoopBuffers>(), socket.get());
  (void)socket.release();
  return StreamPtr(stream);
}

}  // namespace tidewire::transport
