#pragma once

#include <tidewire/core/watched.h>
#include <tidewire/transport/attempt.h>
#include <tidewire/transport/loop_buffers.h>
#include <tidewire/transport/socket_calls.h>
#include <tidewire/transport/stream.h>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace tidewire::transport {

/// What a stream remembers about itself. A base, so that it fills the gap behind Stream's own members.
class SocketStreamFlags {
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
  bool laborious_ : 1 = false;   // What was read last took longer than a slice.
  bool closing_ : 1 = false;
  bool closed_ : 1 = false;
  bool released_ : 1 = false;
  bool local_ : 1 = false;         // A Unix socket.
  bool more_ : 1 = false;          // There may be bytes that were not read.
  bool end_reported_ : 1 = false;  // on_peer_ended was called.
  bool end_seen_ : 1 = false;      // The system has reported that there is an end or an error to be read.
  bool error_seen_ : 1 = false;    // It was an error.
};

/// A stream over a socket of ours, which the loop watches. An idle one is this object alone.
///
/// Two parts: life and what comes in socket_stream.cc, what goes out in socket_stream_output.cc.
class SocketStream final : public Stream, private SocketStreamFlags, private Watched, private HeldOutput::Holder {
 public:
  SocketStream(LoopBuffers& buffers, int descriptor, bool local) noexcept;

  void attach(Consumer& consumer) noexcept override { consumer_ = &consumer; }
  void resume() override;
  void pause() noexcept override;
  void unread(Bytes rest) noexcept override;
  MutableBytes reserve(std::size_t size) override;
  void commit(std::size_t count) override;
  void write(Bytes head, Bytes body) override;
  void write(const SharedBytes& bytes) override;
  void write_last(const SharedBytes& bytes) override;
  void write_last(Bytes bytes) override;
  using Stream::write;
  std::size_t queued_bytes() const noexcept override { return pending_ == nullptr ? 0 : pending_->queue.size(); }
  std::uint64_t taken_bytes() const noexcept override { return taken_bytes_; }
  void end() override;
  void close_when_sent() override;
  void close() noexcept override;
  void abort() noexcept override;
  std::optional<std::uint64_t> acknowledged_bytes() const noexcept override;
  bool closing() const noexcept override { return closing_; }
  Address local_address() const override { return local_address_of(descriptor()); }
  Address peer_address() const override { return peer_address_of(descriptor()); }
  Loop& loop() const noexcept override { return buffers_->loop; }

 private:
  struct Unread;

  ~SocketStream() override;
  void release() noexcept override;

  void on_ready(Ready ready) noexcept override;
  void flush() noexcept override;
  void send_held(Bytes bytes) noexcept override;

  void read_all(bool to_the_end);
  void go_on() noexcept;
  void deliver_unread() noexcept;
  bool read_once(bool to_the_end);
  void take_end() noexcept;
  void report_end(bool broken) noexcept;
  void drop_unread() noexcept;
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
  std::uint64_t taken_bytes_ = 0;
  std::unique_ptr<Unread> unread_;
};

// What an idle connection costs beside its protocol's own state.
static_assert(sizeof(SocketStream) <= 104);

template <class Call>
void SocketStream::deliver(Call call) noexcept {
  if (consumer_ == nullptr) return;
  if (const auto error = attempt([&] { call(*consumer_); })) fail(*error);
}

}  // namespace tidewire::transport
