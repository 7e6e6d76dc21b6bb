#pragma once

#include <tidewire/core/buffer.h>
#include <tidewire/tls/context_state.h>
#include <tidewire/tls/record_cursor.h>
#include <tidewire/tls/record_io.h>
#include <tidewire/tls/stream.h>
#include <tidewire/transport/attempt.h>
#include <tidewire/transport/held_output.h>
#include <cstdint>
#include <memory>
#include <string>

namespace tidewire::tls {

enum class Side : std::uint8_t { server, client };

/// What a SecureStream remembers about itself. A base, so that it fills the gap behind Stream's own members.
class SecureStreamFlags {
 protected:
  bool established_ : 1 = false;  // The handshake is over.
  bool begun_ : 1 = false;        // The handshake has begun.
  bool reading_ : 1 = false;
  bool receiving_ : 1 = false;   // What came is being decrypted and delivered.
  bool peer_ended_ : 1 = false;  // close_notify has come.
  bool broken_ : 1 = false;      // The connection failed; nothing goes in or out any more.
  bool ending_ : 1 = false;      // close_notify and FIN are to follow what waits.
  bool leaving_ : 1 = false;     // And the end of this stream, without the peer's.
  bool ended_ : 1 = false;       // They were sent.
  bool parting_ : 1 = false;     // The peer is being told why, in the stream below, before that closes.
  bool waited_ : 1 = false;      // Text that waited has gone, and the consumer does not know.
  bool dirty_ : 1 = false;       // In the loop's list.
  bool reserved_in_hold_ : 1 = false;
  bool closing_ : 1 = false;
  bool closed_ : 1 = false;    // The stream below has closed.
  bool finished_ : 1 = false;  // And the consumer knows.
  bool released_ : 1 = false;
  std::uint8_t control_records_ = 0;  // In a row, from the peer: without application data in either direction.
};

/// TLS over any stream, whose consumer it is. An idle one is this object and OpenSSL's: buffers are the loop's.
///
/// Three parts: life and handshake in secure_stream.cc, what comes in secure_stream_input.cc, what goes out in
/// secure_stream_output.cc.
class SecureStream final : public Stream,
                           private SecureStreamFlags,
                           private transport::Consumer,
                           private Resumable,
                           private transport::HeldOutput::Holder {
 public:
  /// How many records without application data (KeyUpdate, requests to renegotiate, tickets, alerts) a peer may send
  /// in a row, before it or we send some. Each costs an answer, or keys, that no protocol above knows of.
  static constexpr unsigned max_control_records = 32;
  /// While more of such answers than this waits for a peer that reads nothing, nothing is read from it.
  static constexpr std::size_t max_unread_answer_bytes = 16 * 1024;

  SecureStream(Side side, SslPtr ssl, transport::StreamPtr inner, std::chrono::milliseconds handshake_timeout,
               std::string_view answer_to_plain_text);
  /// Begins the handshake.
  void start();

  void attach(transport::Consumer& consumer) noexcept override { consumer_ = &consumer; }
  void resume() override;
  void pause() noexcept override;
  void unread(Bytes rest) noexcept override;
  MutableBytes reserve(std::size_t size) override;
  void commit(std::size_t count) override;
  void write(Bytes head, Bytes body) override;
  void write(const SharedBytes& bytes) override;
  void write_last(const SharedBytes& bytes) override { write_last(bytes.view()); }
  void write_last(Bytes bytes) override;
  using transport::Stream::write;
  std::size_t queued_bytes() const noexcept override;
  std::uint64_t taken_bytes() const noexcept override { return inner_->taken_bytes(); }
  void end() override;
  void close_when_sent() override;
  void close() noexcept override;
  void abort() noexcept override;
  std::optional<std::uint64_t> acknowledged_bytes() const noexcept override { return inner_->acknowledged_bytes(); }
  bool closing() const noexcept override { return closing_; }
  transport::Address local_address() const override { return inner_->local_address(); }
  transport::Address peer_address() const override { return inner_->peer_address(); }
  Loop& loop() const noexcept override { return io_->loop; }

  bool established() const noexcept override { return established_; }
  Version version() const noexcept override;
  std::string_view cipher() const noexcept override;
  std::string_view server_name() const noexcept override;
  std::string_view application_protocol() const noexcept override;
  bool resumed() const noexcept override;
  std::optional<PeerCertificate> peer_certificate() const override;

 private:
  ~SecureStream() override = default;
  void release() noexcept override;

  /// What the streams of a loop share; those over other streams of this kind share their own.
  [[nodiscard]] static RecordIo& io_over(transport::Stream& inner);

  /// What is needed until the handshake is over. Who the peer is must be known before it may have gone.
  struct Greeting {
    std::string peer;
    std::string_view answer_to_plain_text;
  };

  // From the stream below.
  void on_data(MutableBytes bytes) override;
  /// Records that the consumer does not want now are kept, so that they are no more than it takes.
  std::size_t receive_limit() const noexcept override {
    return consumer_ != nullptr ? consumer_->receive_limit() : SIZE_MAX;
  }
  void on_end() override;
  void on_peer_ended() override;
  void on_writable() override;
  void on_failed(const Error& error) override;
  void on_closed() noexcept override;
  void drain() override;
  void abandon() noexcept override;
  void on_deadline() noexcept override;

  // From the loop.
  void flush() noexcept override;
  void send_held(Bytes bytes) noexcept override;

  // The handshake.
  [[nodiscard]] bool shake_hands(Bytes& input);
  [[nodiscard]] bool answer_plain_text(Bytes input);
  void fail_handshake(const Error& error, LogLevel level = LogLevel::info) noexcept;
  void log_end(LogLevel level, std::string_view kind, std::string_view peer, const Error& error) noexcept;
  [[nodiscard]] Error handshake_error(int ssl_error);

  // Input.
  void receive(Bytes input);
  [[nodiscard]] bool receive_once(Bytes& input);
  [[nodiscard]] int decrypt(Bytes& input, MutableBytes to, std::size_t& count) noexcept;
  [[nodiscard]] int read_record(MutableBytes to, std::size_t& count) noexcept;
  [[nodiscard]] bool take_control_record() noexcept;
  void send_fatal_alert() noexcept;
  void send_answers() noexcept;
  /// Whether too many of our answers wait for the peer to read them.
  [[nodiscard]] bool awaits_reader() const noexcept { return unread_answer_bytes_ > max_unread_answer_bytes; }
  [[nodiscard]] bool has_unread() const noexcept;
  void fail_input() noexcept;
  void take_end() noexcept;
  void set_reading() noexcept;
  void deliver_unread() noexcept;
  void go_on() noexcept override;
  void go_on_reading();
  /// Whether something was left over that can be taken now.
  [[nodiscard]] bool may_go_on() const noexcept { return unread_ || (has_unread() && !awaits_reader()); }
  /// Runs a callback of the consumer; what it throws breaks the connection.
  template <class Call>
  void deliver(Call call) noexcept;

  // Output.
  [[nodiscard]] bool holding() const noexcept { return io_->held.holder() == this && !output_ && established_; }
  [[nodiscard]] bool make_room(std::size_t size) noexcept;
  [[nodiscard]] Buffer& output();
  template <class Add>
  void enqueue(Add add) noexcept;
  void send(Bytes first, Bytes second = {}) noexcept;
  void encrypt(Bytes text) noexcept;
  [[nodiscard]] bool encrypt_some(Bytes& bytes) noexcept;
  void write_large(Bytes head, Bytes body) noexcept;
  void send_records() noexcept;
  void push() noexcept;
  void say_goodbye() noexcept;
  void note_queued() noexcept { has_queued_ = output_ != nullptr || inner_->has_queued(); }
  /// Whether output is not taken any more.
  [[nodiscard]] bool refuses() const noexcept { return dead() || ending_ || failure_ != nullptr; }

  // The end.
  [[nodiscard]] bool dead() const noexcept { return closing_ || broken_; }
  void fail(const Error& error) noexcept;
  void fail_later(Error error) noexcept;
  void mark_dirty() noexcept;
  void finish_close() noexcept;

  transport::Consumer* consumer_ = nullptr;
  transport::StreamPtr inner_;
  SslPtr ssl_;
  RecordIo* io_;
  std::unique_ptr<Buffer> output_;      // Text that waits: for the handshake, or for the end of the turn.
  std::unique_ptr<Buffer> input_;       // Records that came while the consumer paused.
  std::unique_ptr<Buffer> unread_;      // Text that the consumer gave back.
  std::unique_ptr<Error> failure_;      // To be told at the end of the callback or turn.
  std::unique_ptr<Greeting> greeting_;  // As long as the handshake lasts.
  RecordCursor cursor_;
  std::uint32_t unread_answer_bytes_ = 0;  // Since all that waited was last read.
  Side side_;
};

template <class Call>
void SecureStream::deliver(Call call) noexcept {
  if (consumer_ == nullptr) return;
  if (const auto error = transport::attempt([&] { call(*consumer_); })) fail(*error);
}

}  // namespace tidewire::tls
