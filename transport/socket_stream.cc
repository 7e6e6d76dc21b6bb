#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <tidewire/transport/attempt.h>
#include <tidewire/transport/loop_buffers.h>
#include <tidewire/transport/pending_output.h>
#include <tidewire/transport/socket_stream.h>
#include <algorithm>
#include <array>
#include <cassert>
#include <new>

namespace tidewire::transport {
namespace {

// A larger payload is written from where it lies, with what precedes it, instead of being copied.
constexpr std::size_t gather_bytes = 16 * 1024;
// What one system call is given at the most. Little enough that a slow peer's progress shows.
constexpr std::size_t write_pieces = 64;
constexpr std::size_t write_bytes = 256 * 1024;

// Longer pieces are queued, and leave in parts: libuv counts with 32 bits.
constexpr std::size_t direct_bytes = std::size_t{1} << 30;

uv_buf_t as_uv(Bytes bytes) noexcept {
  // uv_buf_t serves reading too, so it has no const; libuv does not change what it writes.
  auto* base = const_cast<char*>(as_text(bytes).data());
  return uv_buf_init(base, static_cast<unsigned>(bytes.size()));
}

/// What a stream remembers about itself. A base, so that it fills the gap behind Stream's own members.
class StreamFlags {
 protected:
  bool reserved_in_hold_ : 1 = false;
  bool direct_ : 1 = false;  // The buffer that is being read into is the consumer's own.
  bool reading_ : 1 = false;
  bool allocating_ : 1 = false;  // libuv is between its two calls for a read, and must not be told to stop.
  bool peer_ended_ : 1 = false;  // FIN has come.
  bool starved_ : 1 = false;     // Output was lost for lack of memory; the next read callback tells it.
  bool broken_ : 1 = false;      // The connection failed; nothing goes in or out any more.
  bool ending_ : 1 = false;      // FIN is to follow what waits.
  bool ended_ : 1 = false;       // FIN was sent.
  bool closing_ : 1 = false;
  bool closed_ : 1 = false;
  bool released_ : 1 = false;
};

/// A standard-layout holder, so that the way from libuv's handle back to the stream is a plain cast.
template <class Handle>
struct HandleHolder {
  Handle handle;
};

/// A stream over a libuv handle. An idle one is this object alone: 280 bytes, of which libuv's own are 248.
template <class Handle>
class SocketStream final : public PendingOutput::Owner, private StreamFlags, private HandleHolder<Handle> {
 public:
  explicit SocketStream(LoopBuffers& buffers) noexcept : buffers_(&buffers) {}

  int open(int descriptor) noexcept;

  void attach(Consumer& consumer) noexcept override { this->handle.data = &consumer; }
  void resume() override;
  void pause() noexcept override;
  MutableBytes reserve(std::size_t size) override;
  void commit(std::size_t count) override;
  void write(Bytes head, Bytes body) override;
  void write(const SharedBytes& bytes) override;
  using Stream::write;
  std::size_t queued_bytes() const noexcept override {
    if (pending_ == nullptr) return 0;
    // libuv may have written some of what it was given.
    return pending_->queue.size() - pending_->in_flight_bytes + this->handle.write_queue_size;
  }
  void end() override;
  void close() noexcept override;
  bool closing() const noexcept override { return closing_; }
  Address local_address() const override { return address(::getsockname); }
  Address peer_address() const override { return address(::getpeername); }
  Loop& loop() const noexcept override { return buffers_->loop; }

  void flush_turn() noexcept override;

 private:
  using Holder = HandleHolder<Handle>;

  ~SocketStream() override { PendingOutput::drop(pending_); }
  void release() noexcept override;

  template <class AnyHandle>
  static SocketStream& of(AnyHandle* any) noexcept {
    return *static_cast<SocketStream*>(reinterpret_cast<Holder*>(any));
  }
  uv_stream_t* uv() noexcept { return reinterpret_cast<uv_stream_t*>(&this->handle); }
  Consumer* consumer() const noexcept { return static_cast<Consumer*>(this->handle.data); }
  Address address(int (*query)(int, sockaddr*, socklen_t*)) const;

  static void on_alloc(uv_handle_t* handle, std::size_t, uv_buf_t* buffer) noexcept;
  static void on_read(uv_stream_t* handle, ssize_t count, const uv_buf_t* buffer) noexcept;
  static void on_written(uv_write_t* request, int status) noexcept;
  static void on_close(uv_handle_t* handle) noexcept;

  void receive(std::size_t count);
  /// Runs a callback of the consumer; what it throws breaks the connection.
  template <class Call>
  void deliver(Call call) noexcept;
  void fail(int status) noexcept;
  void fail(const Error& error) noexcept;
  void stop_reading() noexcept;
  int descriptor() const noexcept;
  [[nodiscard]] bool dead() const noexcept { return closing_ || broken_; }
  /// Whether output is not taken any more.
  [[nodiscard]] bool refuses() const noexcept { return dead() || ending_ || starved_; }

  /// Whether this stream's writes are being held: its read callback runs, and nothing waits before them.
  [[nodiscard]] bool holding() const noexcept { return buffers_->holder() == this && pending_ == nullptr; }
  void send_held() noexcept;
  void write_now(std::array<Bytes, 3> pieces) noexcept;
  PendingOutput& pending();
  template <class Add>
  void enqueue(Add add) noexcept;
  void fail_later(int status) noexcept;
  void starve() noexcept;
  void mark_dirty() noexcept;
  void push() noexcept;
  void start_write() noexcept;
  void report() noexcept;
  [[nodiscard]] bool all_written() const noexcept {
    return pending_->queue.empty() && pending_->in_flight_bytes == 0 && pending_->failure == 0;
  }

  LoopBuffers* buffers_;
  PendingOutput* pending_ = nullptr;
};

// What an idle connection costs beside its protocol's own state.
static_assert(sizeof(SocketStream<uv_tcp_t>) <= 280);

template <>
int SocketStream<uv_tcp_t>::open(int descriptor) noexcept {
  uv_tcp_init(buffers_->loop.native(), &handle);
  handle.data = nullptr;
  return uv_tcp_open(&handle, descriptor);
}

template <>
int SocketStream<uv_pipe_t>::open(int descriptor) noexcept {
  uv_pipe_init(buffers_->loop.native(), &handle, 0);
  handle.data = nullptr;
  return uv_pipe_open(&handle, descriptor);
}

template <class Handle>
Address SocketStream<Handle>::address(int (*query)(int, sockaddr*, socklen_t*)) const {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* generic = reinterpret_cast<sockaddr*>(&storage);
  if (query(descriptor(), generic, &size) != 0) return {};
  return Address::from(generic, size);
}

/// -1 once closed.
template <class Handle>
int SocketStream<Handle>::descriptor() const noexcept {
  uv_os_fd_t descriptor = -1;
  uv_fileno(reinterpret_cast<const uv_handle_t*>(&this->handle), &descriptor);
  return descriptor;
}

// Reading

template <class Handle>
void SocketStream<Handle>::resume() {
  if (reading_ || dead() || peer_ended_) return;
  reading_ = true;
  if (allocating_ || starved_) return;  // libuv is reading as it is.
  const int status = uv_read_start(uv(), on_alloc, on_read);
  if (status == 0 || status == UV_EALREADY) return;
  reading_ = false;
  fail_later(status);
}

template <class Handle>
void SocketStream<Handle>::pause() noexcept {
  if (!reading_) return;
  reading_ = false;
  if (!starved_) stop_reading();
}

// libuv does not survive being told to stop between asking for a buffer and delivering what it read into it;
// on_read follows in any case, and does it then.
template <class Handle>
void SocketStream<Handle>::stop_reading() noexcept {
  reading_ = false;
  if (!allocating_) uv_read_stop(uv());
}

template <class Handle>
void SocketStream<Handle>::on_alloc(uv_handle_t* handle, std::size_t, uv_buf_t* buffer) noexcept {
  SocketStream& stream = of(handle);
  MutableBytes space;
  stream.allocating_ = true;
  if (!stream.starved_) stream.deliver([&](Consumer& consumer) { space = consumer.receive_space(); });
  stream.direct_ = !space.empty();
  if (space.empty()) space = stream.buffers_->receive();
  // No buffer makes libuv call on_read at once, without reading.
  if (stream.dead() || (!stream.reading_ && !stream.starved_)) space = {};
  *buffer = as_uv(space);
}

template <class Handle>
void SocketStream<Handle>::on_read(uv_stream_t* handle, ssize_t count, const uv_buf_t*) noexcept {
  SocketStream& stream = of(handle);
  // What was asked for since on_alloc.
  const bool allocated = stream.allocating_;
  stream.allocating_ = false;
  if (allocated && stream.closing_) return uv_close(reinterpret_cast<uv_handle_t*>(handle), on_close);
  if (allocated && (stream.broken_ || (!stream.reading_ && !stream.starved_))) return stream.stop_reading();
  if (stream.dead()) return;
  if (stream.starved_) return stream.fail(UV_ENOMEM);
  if (count > 0) {
    stream.receive(static_cast<std::size_t>(count));
  } else if (count == UV_EOF) {
    stream.reading_ = false;
    stream.peer_ended_ = true;
    stream.deliver([](Consumer& consumer) { consumer.on_end(); });
  } else if (count < 0) {
    stream.fail(static_cast<int>(count));
  }
}

template <class Handle>
void SocketStream<Handle>::receive(std::size_t count) {
  buffers_->hold_for(this);
  deliver([&](Consumer& consumer) {
    if (direct_) {
      consumer.on_filled(count);
    } else {
      consumer.on_data(buffers_->receive().first(count));
    }
  });
  send_held();
  buffers_->hold_for(nullptr);
  if (starved_) return fail(UV_ENOMEM);
  if (pending_ != nullptr) flush_turn();
}

template <class Handle>
template <class Call>
void SocketStream<Handle>::deliver(Call call) noexcept {
  if (consumer() == nullptr) return;
  if (const auto error = attempt([&] { call(*consumer()); })) fail(*error);
}

template <class Handle>
void SocketStream<Handle>::fail(int status) noexcept {
  fail(Error::system(status));
}

/// Never called from within a call of the consumer's: see fail_later.
template <class Handle>
void SocketStream<Handle>::fail(const Error& error) noexcept {
  if (dead()) return;
  broken_ = true;
  stop_reading();
  if (consumer() != nullptr && attempt([&] { consumer()->on_failed(error); })) close();
}

// Writing

template <class Handle>
PendingOutput& SocketStream<Handle>::pending() {
  if (pending_ == nullptr) {
    PendingOutput* taken = buffers_->take_pending(*this);
    // What is held was written before what will be queued now.
    try {
      if (buffers_->holder() == this) taken->queue.append(buffers_->held());
    } catch (...) {
      buffers_->give_back(taken);
      throw;
    }
    if (buffers_->holder() == this) buffers_->drop_held();
    pending_ = taken;
    has_queued_ = true;
  }
  return *pending_;
}

/// Queues what `add` appends to the queue. Lack of memory breaks the connection: its output has a hole.
template <class Handle>
template <class Add>
void SocketStream<Handle>::enqueue(Add add) noexcept {
  try {
    add(pending().queue);
  } catch (const std::bad_alloc&) {
    return starve();
  }
  mark_dirty();
  // Much that was written in one turn is not yet a sign of a slow peer: let the system have it.
  if (pending_->queue.size() >= write_bytes) push();
}

/// Has the failure told when the consumer is not on the stack.
template <class Handle>
void SocketStream<Handle>::fail_later(int status) noexcept {
  try {
    pending().failure = status;
    mark_dirty();
  } catch (const std::bad_alloc&) {
    starve();
  }
}

/// Has the lack of memory told without needing any: the read callback comes at once on a socket that is shut
/// down, and tells it. While our own read callback runs it need not be called.
template <class Handle>
void SocketStream<Handle>::starve() noexcept {
  if (pending_ != nullptr) {
    pending_->failure = UV_ENOMEM;
    return mark_dirty();
  }
  starved_ = true;
  if (buffers_->holder() == this) return buffers_->drop_held();
  ::shutdown(descriptor(), SHUT_RDWR);
  if (!allocating_) uv_read_start(uv(), on_alloc, on_read);
}

template <class Handle>
void SocketStream<Handle>::mark_dirty() noexcept {
  // A read callback flushes when it returns, a write that ended goes on by itself.
  if (pending_->dirty || buffers_->holder() == this) return;
  if (pending_->in_flight_bytes != 0 && pending_->failure == 0) return;
  pending_->dirty = true;
  loop().flush_later(*pending_);
}

template <class Handle>
MutableBytes SocketStream<Handle>::reserve(std::size_t size) {
  if (holding() && size > buffers_->room().size()) send_held();
  reserved_in_hold_ = holding() && size <= buffers_->room().size();
  return reserved_in_hold_ ? buffers_->room() : pending().queue.reserve(size);
}

template <class Handle>
void SocketStream<Handle>::commit(std::size_t count) {
  if (refuses()) return;
  if (reserved_in_hold_) {
    assert(holding());  // Room is reserved and committed within one callback.
    buffers_->add(count);
  } else {
    enqueue([count](OutputQueue& queue) { queue.commit(count); });
  }
}

template <class Handle>
void SocketStream<Handle>::write(Bytes head, Bytes body) {
  if (refuses()) return;
  const std::size_t total = head.size() + body.size();
  if (holding() && total <= buffers_->room().size() && total <= gather_bytes) {
    buffers_->add(head, body);
    return;
  }
  if (total > gather_bytes && total <= direct_bytes && pending_ == nullptr) {
    write_now({holding() ? buffers_->held() : Bytes(), head, body});
    return;
  }
  if (holding()) send_held();
  if (refuses()) return;
  if (holding() && total <= buffers_->room().size()) {
    buffers_->add(head, body);
    return;
  }
  enqueue([&](OutputQueue& queue) { queue.append(head, body); });
}

template <class Handle>
void SocketStream<Handle>::write(const SharedBytes& bytes) {
  if (refuses()) return;
  if (holding() && bytes.size() <= buffers_->room().size() && bytes.size() <= gather_bytes) {
    buffers_->add(bytes.view(), {});
    return;
  }
  enqueue([&](OutputQueue& queue) { queue.append(bytes); });
}

/// Writes pieces from where they lie, the first of them what is held; what does not leave is queued.
template <class Handle>
void SocketStream<Handle>::write_now(std::array<Bytes, 3> pieces) noexcept {
  std::array<uv_buf_t, 3> buffers{as_uv(pieces[0]), as_uv(pieces[1]), as_uv(pieces[2])};
  auto used = static_cast<unsigned>(buffers.size());
  while (used > 1 && buffers[used - 1].len == 0) --used;
  const int written = uv_try_write(uv(), buffers.data(), used);
  auto gone = static_cast<std::size_t>(written > 0 ? written : 0);
  // What was held stays readable until more is held.
  if (holding()) buffers_->drop_held();
  if (written < 0 && written != UV_EAGAIN) return fail_later(written);
  if (gone == pieces[0].size() + pieces[1].size() + pieces[2].size()) return;
  enqueue([&](OutputQueue& queue) {
    for (const Bytes piece : pieces) {
      const std::size_t skip = std::min(gone, piece.size());
      queue.append(piece.subspan(skip));
      gone -= skip;
    }
  });
}

template <class Handle>
void SocketStream<Handle>::send_held() noexcept {
  if (buffers_->holder() != this || buffers_->held().empty()) return;
  if (dead() || starved_) return buffers_->drop_held();
  write_now({buffers_->held(), Bytes(), Bytes()});
}

template <class Handle>
void SocketStream<Handle>::flush_turn() noexcept {
  push();
  report();
}

/// Writes what waits, until it is all gone or the system takes no more. Calls nobody: what comes of it is for
/// `report` to tell.
template <class Handle>
void SocketStream<Handle>::push() noexcept {
  if (dead()) return;
  while (pending_->in_flight_bytes == 0 && pending_->failure == 0 && !pending_->queue.empty()) {
    std::array<Bytes, write_pieces> pieces;
    std::array<uv_buf_t, write_pieces> buffers;
    const std::size_t count = pending_->queue.front(pieces, write_bytes);
    std::size_t total = 0;
    for (std::size_t index = 0; index < count; ++index) {
      buffers[index] = as_uv(pieces[index]);
      total += pieces[index].size();
    }
    const int written = uv_try_write(uv(), buffers.data(), static_cast<unsigned>(count));
    if (written < 0 && written != UV_EAGAIN) {
      pending_->failure = written;
      return mark_dirty();
    }
    const auto gone = static_cast<std::size_t>(written > 0 ? written : 0);
    pending_->progress |= gone != 0;
    pending_->queue.consume(gone);
    if (gone < total) start_write();
  }
}

/// The system takes no more now: hands the front of the queue to libuv, which waits for it to.
template <class Handle>
void SocketStream<Handle>::start_write() noexcept {
  std::array<Bytes, write_pieces> pieces;
  std::array<uv_buf_t, write_pieces> buffers;
  const std::size_t count = pending_->queue.front(pieces, write_bytes);
  std::size_t total = 0;
  for (std::size_t index = 0; index < count; ++index) {
    buffers[index] = as_uv(pieces[index]);
    total += pieces[index].size();
  }
  pending_->queue.pin(count);
  pending_->request.data = this;
  const int status = uv_write(&pending_->request, uv(), buffers.data(), static_cast<unsigned>(count), on_written);
  if (status == 0) {
    pending_->in_flight_bytes = total;
  } else {
    pending_->failure = status;
    mark_dirty();
  }
}

template <class Handle>
void SocketStream<Handle>::on_written(uv_write_t* request, int status) noexcept {
  auto& stream = *static_cast<SocketStream*>(request->data);
  const std::size_t count = std::exchange(stream.pending_->in_flight_bytes, 0);
  if (stream.dead()) return;
  if (status != 0) return stream.fail(status);
  stream.pending_->queue.consume(count);
  stream.pending_->progress = true;
  stream.flush_turn();
}

/// Tells the consumer what came of writing. When nothing waits any more, sends the FIN that was to follow, and
/// gives the memory back.
template <class Handle>
void SocketStream<Handle>::report() noexcept {
  if (dead()) return;
  if (pending_->failure != 0) return fail(pending_->failure);
  if (ending_ && !ended_ && all_written()) {
    ended_ = true;
    pending_->progress = true;
    // A peer that has gone already makes this fail; reading tells of it.
    ::shutdown(descriptor(), SHUT_WR);
  }
  if (std::exchange(pending_->progress, false)) {
    deliver([](Consumer& consumer) { consumer.on_writable(); });
  }
  // One that is in the loop's list still comes here again by that.
  if (dead() || !all_written() || pending_->dirty) return;
  buffers_->give_back(std::exchange(pending_, nullptr));
  has_queued_ = false;
}

template <class Handle>
void SocketStream<Handle>::end() {
  if (refuses()) return;
  send_held();
  // The FIN leaves where output leaves, at the end of the callback or the turn.
  enqueue([](OutputQueue&) {});
  ending_ = true;
}

// The end

template <class Handle>
void SocketStream<Handle>::close() noexcept {
  if (closing_) return;
  closing_ = true;
  reading_ = false;
  if (buffers_->holder() == this) buffers_->drop_held();
  // Between libuv's two calls for a read it waits for the second: see stop_reading.
  if (!allocating_) uv_close(reinterpret_cast<uv_handle_t*>(&this->handle), on_close);
}

// Does not touch the loop: an adopted one lets the last handles end when its Loop object has gone.
template <class Handle>
void SocketStream<Handle>::on_close(uv_handle_t* handle) noexcept {
  SocketStream& stream = of(handle);
  stream.closed_ = true;
  if (stream.released_) {
    delete &stream;
  } else if (stream.consumer() != nullptr) {
    stream.consumer()->on_closed();
  }
}

template <class Handle>
void SocketStream<Handle>::release() noexcept {
  this->handle.data = nullptr;
  released_ = true;
  if (closed_) {
    delete this;
  } else {
    close();
  }
}

/// Closes a descriptor unless somebody else has taken it over.
class DescriptorGuard {
 public:
  explicit DescriptorGuard(int descriptor) noexcept : descriptor_(descriptor) {}
  DescriptorGuard(const DescriptorGuard&) = delete;
  DescriptorGuard& operator=(const DescriptorGuard&) = delete;
  ~DescriptorGuard() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  void dismiss() noexcept { descriptor_ = -1; }

 private:
  int descriptor_;
};

template <class Handle>
Result<StreamPtr> adopt(Loop& loop, int descriptor) {
  DescriptorGuard guard(descriptor);
  auto* stream = new SocketStream<Handle>(loop.local<LoopBuffers>());
  const int status = stream->open(descriptor);
  StreamPtr owned(stream);
  if (status != 0) return Error::system(status, "connection");
  guard.dismiss();
  return owned;
}

}  // namespace

Result<StreamPtr> adopt_socket(Loop& loop, int descriptor, bool is_unix) {
  assert(loop.in_thread());
  return is_unix ? adopt<uv_pipe_t>(loop, descriptor) : adopt<uv_tcp_t>(loop, descriptor);
}

}  // namespace tidewire::transport
