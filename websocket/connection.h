#pragma once

#include <tidewire/core/export.h>
#include <tidewire/core/shared_bytes.h>
#include <tidewire/http/upgrade.h>
#include <tidewire/transport/address.h>
#include <tidewire/transport/sessions.h>
#include <tidewire/transport/stream.h>
#include <tidewire/websocket/close_code.h>
#include <tidewire/websocket/endpoint.h>
#include <tidewire/websocket/handle.h>
#include <tidewire/websocket/handler.h>
#include <tidewire/websocket/message.h>
#include <tidewire/websocket/protocol.h>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace tidewire::websocket {

struct ConnectionExtra;
struct DeflateWindows;
struct FrameForm;
class FrameForms;
class PreparedMessage;
struct Membership;

/// A WebSocket connection (RFC 6455), as its handler sees it.
///
/// It belongs to itself and to its loop's thread; an application gets it by reference, for the time of a
/// callback, and takes a `handle()` if it wants more. It joins the protocol, which knows no I/O, with a
/// stream and the deadlines: answers pings, sends pings, holds the peer to its bounds, and sees to it that
/// the connection ends once, for one reason.
class TIDEWIRE_API Connection : private http::Successor {
 public:
  /// Sends a message: copies what can't leave at once, never blocks. Messages sent in a callback leave
  /// together when it returns. Returns
  /// - `sent`: taken;
  /// - `queued`: taken, but more than the high-water mark waits; hold back until `on_drain`;
  /// - `dropped`: not taken, by `Options::backpressure`;
  /// - `closed`: not taken; no message follows a Close.
  /// While a message in parts is under way, this one waits for its end.
  SendStatus send(const Message& message);
  /// The same, for a message that goes to others, too.
  SendStatus send(const PreparedMessage& message);

  /// Sends a message in parts, so that it never has to be there whole. The first part begins it, with its
  /// type; `last` ends it. Parts may be empty, and a text may be cut within a character. Returns as `send`,
  /// but what was begun is not dropped: a peer that doesn't keep up is closed instead.
  SendStatus send_part(const Message& part, bool last);

  /// Sends a ping, with at most 125 bytes of payload (more is `dropped`). Also `dropped` while more than
  /// `Options::max_backpressure` waits. Pings that keep the connection alive are sent by themselves.
  SendStatus ping(Bytes payload = {});

  /// Begins the closing handshake: what was sent goes first, nothing can be sent any more, and `on_close`
  /// follows when the peer has answered, or `Options::close_timeout` later. A code that may not be sent
  /// becomes 1011, and is logged; a reason is cut to 123 bytes, one that is no UTF-8 is left out. A second
  /// close does nothing.
  void close(CloseCode code = CloseCode::normal, std::string_view reason = {});

  /// Cuts the connection without a Close, for a peer that deserves none: what waits is dropped, by the system too, and
  /// a peer that had not taken all of it gets a reset. Nothing can be sent from then on; `on_close` follows when the
  /// callback of this connection's that runs has returned, or, called outside of one, in a later turn.
  void abort();

  /// Stops reading from the peer, from the next message on: in a callback for one message no other follows, though it
  /// may have come already. What has come is kept (at most what one read brings, 256 KiB), and the system holds up the
  /// peer. Pings of the peer's are not answered meanwhile, and its Close and its end are not noticed. Pings of ours are
  /// sent, so that the path stays open, but no answer is expected: the clock of silence stands still. Sending goes on,
  /// and by `close` reading does too, for the peer's answer. Pausing again does nothing.
  void pause_reading();
  /// Goes on, with what was kept first, in a later turn; in the callback that paused, at once. If the peer is not read
  /// from because it does not read, that remains: both reasons have to go. Does nothing if reading is not paused.
  void resume_reading();
  /// Whether `pause_reading` is in force.
  [[nodiscard]] bool reading_paused() const noexcept { return paused_by_handler_; }

  /// Whether messages can be sent: neither side has said Close.
  [[nodiscard]] bool open() const noexcept { return phase_ == Phase::open; }
  /// How many bytes wait for the peer.
  [[nodiscard]] std::size_t queued_bytes() const noexcept;
  /// What `Options::choose_subprotocol` chose; empty if nothing.
  [[nodiscard]] std::string_view subprotocol() const noexcept;
  /// Whether messages are compressed (permessage-deflate), which the peer offered and the route allows.
  [[nodiscard]] bool deflates() const noexcept { return protocol_.deflates(); }
  /// Empty once the connection has broken or was cut, and for streams that have none.
  [[nodiscard]] transport::Address peer_address() const;
  [[nodiscard]] Loop& loop() const noexcept { return endpoint_->loop; }

  /// A reference that stays valid, for other threads and for later.
  [[nodiscard]] Handle handle();

  /// \name For the layer itself
  /// @{

  /// For a SuccessorFactory: gives the connection, so far only a handler, its stream. It owns itself from then on.
  [[nodiscard]] static http::Successor* start(std::unique_ptr<Connection> connection, transport::StreamPtr stream,
                                              transport::Sessions& sessions, std::string subprotocol);
  /// Before `start`: compresses by these terms.
  void use_deflate(const DeflateAgreement& agreement) noexcept { protocol_.use_deflate(agreement); }
  /// Sends whole frames that others send, too. `last`: nothing more is sent in this turn, as far as one knows. Calls
  /// no handler.
  void send_shared(FrameForms& forms, bool last) noexcept;
  /// The topics it is in.
  [[nodiscard]] std::vector<Membership>& memberships();
  /// Runs something of the application's with this connection, as if it were a callback of its handler's.
  void run(Callback<void(Connection&)>& action) noexcept;
  /// What other threads sent has been taken up: `on_drain` follows, now or when the peer has taken what waits.
  void drain_posts() noexcept;
  /// @}

  ~Connection() override;

 protected:
  explicit Connection(const EndpointRef& endpoint);

  /// The handler, which is there until `drop_handler`. Asked for instead of kept: a pointer would be a tenth of
  /// what an idle connection takes.
  [[nodiscard]] virtual Handler& handler() noexcept = 0;
  /// Destroys the handler; called once.
  virtual void drop_handler() noexcept = 0;
  [[nodiscard]] bool has_handler() const noexcept { return has_handler_; }

 private:
  enum class Phase : std::uint8_t {
    opening,  ///< `on_open` has not been called.
    open,
    closing,  ///< We said Close, and the peer has to answer.
    ended,    ///< The outcome is known; `on_close` is due, or was called. What is queued may still leave.
    closed,   ///< The stream is closing.
  };

  void begin(MutableBytes rest) override;
  void on_data(MutableBytes bytes) override;
  MutableBytes receive_space() override;
  void on_filled(std::size_t count) override;
  void on_end() override;
  void on_writable() override;
  void on_failed(const Error& error) override;
  void on_closed() noexcept override;
  void drain() override;
  void abandon() noexcept override;
  void on_deadline() noexcept override;

  template <class Call>
  void call(Call&& handler_call) noexcept;
  void handler_threw() noexcept;
  void leave_call() noexcept;
  void process(MutableBytes input) noexcept;
  void handle_event(const Event& event, bool more);
  void answer_ping(Bytes payload);
  void peer_closed(const Event& event, bool more);
  void violated(const Event& event);

  [[nodiscard]] bool compose_held(const Message& message) noexcept;
  SendStatus write_message(const Message& message, bool compressed);
  /// Whether a message of so many bytes is worth it, and the peer takes it.
  [[nodiscard]] bool compresses(std::size_t bytes) const noexcept {
    return bytes >= endpoint_->deflate_from_bytes && protocol_.deflates();
  }
  [[nodiscard]] std::optional<Bytes> compress(Bytes part, bool last);
  [[nodiscard]] std::optional<Bytes> compress_whole(Bytes message);
  [[gnu::noinline]] SendStatus send_any(const Message& message);
  [[nodiscard]] SendStatus admit(std::size_t bytes);
  [[nodiscard]] SendStatus after_write() noexcept;
  void write_frames(std::span<const SharedBytes> each, const SharedBytes& joined, bool last);
  SendStatus write_shared(const SharedBytes& frame);
  void write_frame(const SharedBytes& frame);
  [[nodiscard]] bool has_room(std::size_t bytes, std::size_t queued) const noexcept;
  SendStatus hold(const SharedBytes& frame);
  void send_held();
  void send_postponed();
  void write_control(const Result<ControlFrame>& frame);

  void begin_close(Cause cause, CloseCode code, std::string_view reason) noexcept;
  void end(Cause cause, CloseCode code, std::string_view reason, std::string_view detail) noexcept;
  void cut(Cause cause, CloseCode code, std::string_view detail) noexcept;
  void lose(Cause cause, CloseCode code, std::string_view detail) noexcept;
  void cut_from_call(Cause cause, CloseCode code, std::string_view detail) noexcept;
  [[nodiscard]] bool enter_application_call() noexcept;
  void leave_application_call(bool nested) noexcept;
  void tell_end() noexcept;
  void tell_end(const CloseInfo& why) noexcept;
  void close_stream() noexcept;
  void drop_received(std::size_t count);
  void stop_choking();
  void watch_pace() noexcept;
  void arm_by(std::optional<Tick> due) noexcept;
  void resume_pace() noexcept;
  void check_peer();
  [[nodiscard]] bool keeps_pace();
  [[nodiscard]] std::optional<Tick> check_silence();
  ConnectionExtra& extra();
  DeflateWindows& windows();
  [[nodiscard]] Deflater& own_deflater();
  [[nodiscard]] Inflater* peer_inflater();
  void forget_window(const SharedBytes& frames) noexcept;
  void release_window() noexcept;
  [[nodiscard]] bool takes_own_form() const noexcept;
  [[nodiscard]] FrameForm shared_form() const noexcept;

  transport::StreamPtr stream_;
  EndpointRef endpoint_;
  std::unique_ptr<ConnectionExtra> extra_;  // What few connections need; see connection.cc.
  Protocol protocol_;
  Tick heard_;  // When something last came from the peer; while `pinged_`, an interval before the ping.
  Phase phase_ = Phase::opening;
  bool in_call_ : 1 = false;     // A callback of the handler's is on the stack.
  bool end_untold_ : 1 = false;  // on_close is due: when that returns, or when the stream has closed.
  bool pinged_ : 1 = false;      // A ping of ours was sent, and nothing has come since.
  bool over_high_water_ : 1 = false;
  bool choked_ : 1 = false;  // The peer is not read from, for it doesn't read.
  bool paused_by_handler_ : 1 = false;
  bool cut_ : 1 = false;         // The stream closes with on_close, and what waits is dropped.
  bool peer_done_ : 1 = false;   // Nothing of the peer's is waited for: it has sent Close or FIN, and nothing after it.
  bool opened_ : 1 = false;      // on_open was called.
  bool deflating_ : 1 = false;   // The message in parts that is under way is compressed.
  bool peer_ended_ : 1 = false;  // The peer's FIN has come.
  bool has_handler_ : 1 = true;  // It is destroyed once on_close has returned.
  bool orphaned_ : 1 = false;    // The server has gone.
};

/// Runs what may run code of the application's. What it asks to end is ended when that has returned.
template <class Call>
void Connection::call(Call&& handler_call) noexcept {
  const bool nested = in_call_;
  in_call_ = true;
  try {
    std::forward<Call>(handler_call)();
  } catch (...) {
    handler_threw();
  }
  if (!nested) leave_call();
}

/// A connection and its handler in one piece of memory: there are many of them, and most are idle.
template <class H>
class HostedConnection final : public Connection {
 public:
  template <class... Arguments>
  explicit HostedConnection(const EndpointRef& endpoint, Arguments&&... arguments) : Connection(endpoint) {
    new (&memory_.handler) H(std::forward<Arguments>(arguments)...);
  }
  ~HostedConnection() override {
    if (has_handler()) memory_.handler.~H();
  }

 private:
  Handler& handler() noexcept override { return memory_.handler; }
  void drop_handler() noexcept override { memory_.handler.~H(); }

  // A union, for the handler ends before the connection does.
  union Memory {
    Memory() noexcept {}
    ~Memory() {}
    H handler;
  };
  Memory memory_;
};

}  // namespace tidewire::websocket
