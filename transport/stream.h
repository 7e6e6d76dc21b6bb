#pragma once

#include <tidewire/core/bytes.h>
#include <tidewire/core/error.h>
#include <tidewire/core/export.h>
#include <tidewire/core/loop.h>
#include <tidewire/core/shared_bytes.h>
#include <tidewire/core/timer_wheel.h>
#include <tidewire/transport/address.h>
#include <cstdint>
#include <memory>
#include <optional>

/// Byte streams: what a protocol reads from and writes to, whatever carries it.
///
/// A Stream belongs to its loop's thread. It talks to one Consumer, the protocol's side of a connection.
namespace tidewire::transport {

/// What became of something that was sent.
enum class SendStatus : unsigned char {
  sent,     ///< Taken, and on its way.
  queued,   ///< Taken, but the peer is slow: more than the high-water mark waits. `on_drain` will follow.
  dropped,  ///< Not taken: the peer is too slow, and the connection's policy is to drop.
  closed,   ///< Not taken: the connection is closing or has closed.
};

class Sessions;

/// The protocol's side of a stream, with the connection's one coarse deadline.
///
/// The stream calls it, never from inside a call that the consumer makes on the stream. Any method of the
/// stream may be called from any of these. What they throw (an allocation that failed, say) ends the
/// connection with `on_failed`, not the process.
class TIDEWIRE_API Consumer : public Deadline {
 public:
  /// Bytes arrived, at least one, or those that `Stream::unread` gave back. They may be changed in place, and are valid
  /// until the call returns.
  virtual void on_data(MutableBytes bytes) = 0;

  /// Where the next bytes are wanted: an empty answer means anywhere, and `on_data` follows. Otherwise at
  /// least one byte of it will be filled and `on_filled` called, unless the stream ends instead.
  virtual MutableBytes receive_space() { return {}; }
  /// How many bytes may come at once where there is no receive space. A consumer that keeps what it cannot take now
  /// bounds by it what it keeps: the rest stays in the system, or below. At least one.
  [[nodiscard]] virtual std::size_t receive_limit() const noexcept { return SIZE_MAX; }
  /// The first `count` bytes of the receive space were filled.
  virtual void on_filled(std::size_t count);

  /// The peer will send nothing more (FIN), and all that it sent was read. Its reading side may still be open.
  virtual void on_end() = 0;

  /// The peer has ended its side (FIN), though bytes before the end are unread since the stream is paused: `on_end`
  /// follows them once reading goes on. Called at most once. A peer that has closed and one that only ended its side
  /// look the same.
  virtual void on_peer_ended() {}

  /// Some of what had to wait has gone; see `queued_bytes`. Also called when the FIN of `end` has been sent.
  virtual void on_writable() {}

  /// The connection broke: a reset, a failed write. Nothing more is read or written; close the stream.
  virtual void on_failed(const Error& error) = 0;

  /// The stream has closed, after `close`. The last call, made when nothing else of this connection is on
  /// the stack: the consumer may delete itself, and the stream with it.
  virtual void on_closed() noexcept = 0;

  /// The server is going away: finish what is under way, say goodbye in the protocol's own way, and close,
  /// within the protocol's own deadlines.
  virtual void drain() = 0;

  /// The server has gone, or its patience is at an end: tell the application, and close at once.
  virtual void abandon() noexcept = 0;

 private:
  friend class Sessions;
  std::uint32_t session_index_ = UINT32_MAX;  // In none.
};

/// A connected, ordered, reliable byte stream.
///
/// Small writes made while the stream is in one of its consumer's callbacks for received bytes are held together,
/// and leave in one system call when that callback returns or the loop's turn ends. Writes made at other times
/// leave at the end of the turn. Writing never blocks and never fails at once: what breaks later, lack of memory
/// included, is told by `on_failed`. How much may wait is the consumer's to decide: see `queued_bytes`.
class TIDEWIRE_API Stream {
 public:
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// Makes `consumer` the one that is called. Reading begins with `resume`.
  virtual void attach(Consumer& consumer) noexcept = 0;

  /// Starts or goes on reading, unless the end has been read; stops it.
  ///
  /// A stream that has begun to read and is paused notices that its peer goes: a reset at once (`on_failed`, and what
  /// was unread is lost), a FIN by `on_peer_ended`. It cannot notice a FIN that the system has not received: one that
  /// follows more unread bytes than the receive window holds, and over TLS a close_notify, or a FIN where
  /// Polling::libuv is used on a system other than Linux.
  virtual void resume() = 0;
  virtual void pause() noexcept = 0;

  /// Gives back what the consumer does not take now: because its slice of the loop's budget is spent, or because it has
  /// paused. In a later turn, after `resume` if it pauses, `on_data` is called with it, before anything is read that is
  /// newer. To be called within `on_data` or `on_filled`, once: `rest` is the end of what that was given (empty if
  /// there is none, but the consumer has more to do), and is copied unless it was given back before. Or within
  /// `http::Successor::begin`. Without memory for it, `on_failed` follows.
  virtual void unread(Bytes rest) noexcept = 0;

  /// At least `size` bytes to compose output in, valid until the next call on this stream; `commit` sends
  /// the first `count` of them, within the same callback. For output that is small and made on the spot:
  /// nothing is copied. `reserve` throws std::bad_alloc.
  [[nodiscard]] virtual MutableBytes reserve(std::size_t size) = 0;
  virtual void commit(std::size_t count) = 0;

  /// Sends `head`, then `body`. Copies what cannot leave at once.
  virtual void write(Bytes head, Bytes body) = 0;
  void write(Bytes bytes) { write(bytes, {}); }

  /// Sends bytes that others send too: a reference is kept, nothing is copied.
  virtual void write(const SharedBytes& bytes) = 0;
  /// The same two, by one who writes nothing more in this turn: it need not wait for the turn's end.
  virtual void write_last(const SharedBytes& bytes) { write(bytes); }
  virtual void write_last(Bytes bytes) { write(bytes); }

  /// How many bytes wait for a peer that is slow. What is held for the end of a callback does not count.
  [[nodiscard]] virtual std::size_t queued_bytes() const noexcept = 0;
  /// Whether that may be other than 0; cheaper to ask.
  [[nodiscard]] bool has_queued() const noexcept { return has_queued_; }
  /// How many bytes have left the stream since it was made: those that the system, or the other end in memory, has
  /// taken. It never decreases, so two readings show whether a slow peer makes progress. Over TLS it counts whole
  /// records, with those that are not the consumer's (alerts, tickets, KeyUpdate): compare it with itself only, never
  /// with what was written.
  [[nodiscard]] virtual std::uint64_t taken_bytes() const noexcept = 0;

  /// Sends what waits, then tells the peer that nothing more comes (FIN). Reading goes on.
  virtual void end() = 0;

  /// Sends what waits, then closes both ways, with no FIN or word of the peer's being waited for: for the end of a
  /// protocol in which the peer has said its last. Nothing is read any more; if the peer sends all the same, it may
  /// lose what it has not got yet (what came before the close is read and dropped, up to 256 KiB). Of the consumer's
  /// functions `on_closed` follows alone, or `on_failed` if the connection breaks before; give a peer that takes
  /// nothing a deadline.
  virtual void close_when_sent() = 0;

  /// Closes both ways at once; what waits is dropped. `on_closed` follows, in a later turn. What the system has taken
  /// it goes on sending, in the background; after more than 64 KiB, for 20 s without progress at the most (Linux, TCP).
  virtual void close() noexcept = 0;

  /// Gives up on a peer that takes nothing: as `close`, but what the system has taken and the peer has not is dropped
  /// as well, and the peer gets a reset. Where there is nothing to drop it is a `close`. A Unix socket's peer keeps
  /// what the system has taken.
  virtual void abort() noexcept = 0;

  /// How many bytes of this stream the peer's system has acknowledged, in its own count: use differences. One system
  /// call: for deadlines. Nothing where the system does not report it: on Unix sockets, on systems other than Linux,
  /// and after the stream has closed.
  [[nodiscard]] virtual std::optional<std::uint64_t> acknowledged_bytes() const noexcept { return std::nullopt; }

  /// Whether `close` or `abort` was called.
  [[nodiscard]] virtual bool closing() const noexcept = 0;

  /// Whether what it carries is encrypted: see tls/stream.h.
  [[nodiscard]] bool encrypted() const noexcept { return encrypted_; }

  [[nodiscard]] virtual Address local_address() const = 0;
  [[nodiscard]] virtual Address peer_address() const = 0;
  [[nodiscard]] virtual Loop& loop() const noexcept = 0;

 protected:
  Stream() = default;
  virtual ~Stream() = default;

  bool has_queued_ = false;
  bool encrypted_ = false;  // Set by tls::Stream alone, which such a stream is.

  friend struct StreamRelease;
  /// The owner has let go: close if need be, call nobody any more, and free this when the system allows.
  virtual void release() noexcept = 0;
};

struct StreamRelease {
  void operator()(Stream* stream) const noexcept { stream->release(); }
};

/// Owns a stream. Letting go of one that is open closes it; `on_closed` is then not called.
using StreamPtr = std::unique_ptr<Stream, StreamRelease>;

}  // namespace tidewire::transport

namespace tidewire {
using transport::SendStatus;
}
