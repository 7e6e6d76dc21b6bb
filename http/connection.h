#pragma once

#include <tidewire/core/buffer.h>
#include <tidewire/http/server_state.h>
#include <tidewire/transport/stream.h>
#include <memory>
#include <optional>
#include <string>

namespace tidewire::http {

/// One client's connection, as long as it speaks HTTP: reads requests, has them handled one after the other,
/// and sends the answers. Owns its stream and itself.
class Connection final : public transport::Consumer, public Retired, private Flushable, private PeerSource {
 public:
  Connection(ServerState& server, transport::StreamPtr stream);
  ~Connection() override;

  /// Begins to read.
  void start();

  // From the stream.
  void on_data(MutableBytes bytes) override;
  std::size_t receive_limit() const noexcept override;
  void on_end() override;
  void on_peer_ended() override;
  void on_writable() override;
  void on_failed(const Error& error) override;
  void on_closed() noexcept override;
  void drain() override;
  void abandon() noexcept override;

  // From the Response.
  SendStatus send_whole(Bytes body, std::string_view default_type_line);
  SendStatus send_piece(Bytes piece);
  SendStatus end_pieces();
  [[nodiscard]] Deferred defer();
  [[nodiscard]] bool client_ended() const noexcept { return client_ended_; }
  void await_client_end();
  void await_shutdown();

  // From a Deferred.
  void run(Callback<void(Response&)>& answer) { call("deferred answer", answer); }
  void promise_dropped();

 private:
  enum class Phase : unsigned char {
    idle,       ///< Between requests.
    head,       ///< In a request's head.
    body,       ///< In its body.
    answering,  ///< The handler runs, or has promised to answer.
    lingering,  ///< The last answer was given; what comes in is dropped.
    closed,     ///< Closing, or handed over to another protocol.
  };

  // Requests.
  [[nodiscard]] std::size_t take(MutableBytes bytes);
  [[nodiscard]] std::size_t take_head(MutableBytes bytes);
  [[nodiscard]] std::size_t begin_request(Bytes head, MutableBytes rest);
  [[nodiscard]] std::size_t begin_body(Bytes head, MutableBytes rest);
  [[nodiscard]] std::size_t take_body(Bytes bytes);
  void process_input();
  void drop_received(std::size_t count);
  void keep(Bytes bytes);
  [[nodiscard]] std::size_t most_kept_bytes() const noexcept { return server_->options.max_head_bytes + 1; }
  [[nodiscard]] bool may_take() const noexcept;
  [[nodiscard]] bool yields() const noexcept;

  // Answers.
  void dispatch();
  template <class Call>
  void call(const char* where, Call&& handler) noexcept;
  void settle();
  void watch_answer() noexcept;
  void answer_exception();
  void replace_answer();
  [[nodiscard]] bool may_switch();
  void answer_without_handler(const RouteMatch& match);
  void answer_status(Status status, std::string_view detail = {});
  void refuse(Status status, std::string_view detail);
  [[nodiscard]] ConnectionOption connection_option() noexcept;
  void write_head(Framing framing);
  void write_whole(Framing framing, std::string_view last_lines, Bytes body);
  void begin_pieces();
  [[nodiscard]] bool replace_refused_head();
  [[nodiscard]] SendStatus after_write();
  void complete_exchange();
  void hand_over(MutableBytes rest);

  // The end.
  void finish_last();
  void finish() noexcept;
  void give_up() noexcept;
  void tell_gone() noexcept;
  void heed_client_end();
  void tell_shutdown();
  void release_exchange() noexcept;
  void recycle_exchange() noexcept;

  // Time.
  void enter(Phase phase) noexcept;
  void on_deadline() noexcept override;
  [[nodiscard]] bool awaits_reader() const noexcept;
  [[nodiscard]] bool too_slow(std::uint64_t moved_bytes) const noexcept;
  void check_reader();
  void check_body();
  [[nodiscard]] std::chrono::milliseconds limit() const noexcept;

  [[nodiscard]] std::string_view peer_text() override;
  [[nodiscard]] const tls::Stream* encryption() const noexcept override { return tls::as_encrypted(*stream_); }
  void flush() noexcept override;
  void touch() noexcept;

  ServerState* server_;  // Null once the server has gone.
  transport::StreamPtr stream_;
  std::unique_ptr<Exchange> exchange_;
  Buffer input_;      // What came and could not be taken yet.
  std::string peer_;  // The client's address, once a handler has asked for it.
  // For the rates, by when the window began: what had come of the body, and what was taken of the output, if that is
  // watched.
  std::uint64_t received_mark_ = 0;
  std::optional<std::uint64_t> taken_mark_;
  std::size_t dropped_bytes_ = 0;  // Of what came after the last answer.
  Tick since_ = 0;                 // When the phase or the window began.
  Phase phase_ = Phase::idle;
  bool first_request_ = true;
  bool in_take_ = false;       // Requests are being taken from what came.
  bool in_call_ = false;       // A handler of ours is on the stack.
  bool last_answer_ = false;   // The connection ends with the answer under way.
  bool draining_ = false;      // The server shuts down.
  bool peer_ended_ = false;    // The client's FIN was read.
  bool client_ended_ = false;  // It has come at least; what the client sent before may be unread.
  bool dirty_ = false;
  bool destroy_in_flush_ = false;
};

/// Runs something that may answer, and sees to what it did. All that an application does to a response
/// happens in here.
template <class Call>
void Connection::call(const char* where, Call&& handler) noexcept {
  if (phase_ != Phase::answering) return;
  Response& response = exchange_->response;
  Loop& loop = stream_->loop();
  // A Deferred may be used inside the handler that made it: the outer call sees to the outcome.
  if (in_call_) {
    const bool returned = loop.guard(where, [&] { handler(response); });
    if (!returned && phase_ == Phase::answering) loop.guard("connection", [this] { answer_exception(); });
    return;
  }
  in_call_ = true;
  const bool returned = loop.guard(where, [&] { handler(response); });
  in_call_ = false;
  if (phase_ == Phase::closed) return;
  const bool settled = loop.guard("connection", [&] {
    if (!returned) {
      if (response.state_ == Response::State::streaming) return finish();
      in_call_ = true;
      answer_exception();
      in_call_ = false;
    }
    settle();
  });
  in_call_ = false;
  if (!settled) finish();
}

}  // namespace tidewire::http
