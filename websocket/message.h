#pragma once

#include <tidewire/core/bytes.h>
#include <tidewire/core/export.h>
#include <tidewire/websocket/close_code.h>
#include <concepts>
#include <cstdint>
#include <string_view>

namespace tidewire::websocket {

enum class MessageType : std::uint8_t {
  text,    ///< UTF-8; checked on the way in.
  binary,  ///< Bytes that mean what the two applications agree on.
};

/// A message as a view: what a handler gets, and what one sends.
///
/// It owns nothing. In a handler it is valid until the callback returns; to keep it, copy `text()` or
/// `bytes()`. Anything that reads as text becomes a text message and any contiguous bytes a binary one, so
/// `peer.send("hello")`, `peer.send(std::string)` and `peer.send(std::vector<std::byte>)` all do.
class Message {
 public:
  constexpr Message(MessageType type, Bytes payload) noexcept : payload_(payload), type_(type) {}

  template <class Text>
  requires std::convertible_to<const Text&, std::string_view> Message(const Text& text)
  noexcept : Message(MessageType::text, as_bytes(text)) {}

  template <class Binary>
  requires(std::convertible_to<const Binary&, Bytes> && !std::convertible_to<const Binary&, std::string_view>)
      Message(const Binary& bytes)
  noexcept : Message(MessageType::binary, Bytes(bytes)) {}

  [[nodiscard]] constexpr MessageType type() const noexcept { return type_; }
  [[nodiscard]] constexpr bool is_text() const noexcept { return type_ == MessageType::text; }
  [[nodiscard]] constexpr bool is_binary() const noexcept { return type_ == MessageType::binary; }

  /// The payload, of either type.
  [[nodiscard]] constexpr Bytes bytes() const noexcept { return payload_; }
  /// The payload as text: valid UTF-8 if `is_text()`, unchecked otherwise.
  [[nodiscard]] std::string_view text() const noexcept { return as_text(payload_); }
  [[nodiscard]] constexpr std::size_t size() const noexcept { return payload_.size(); }
  [[nodiscard]] constexpr bool empty() const noexcept { return payload_.empty(); }

 private:
  Bytes payload_;
  MessageType type_;
};

/// A piece of a message, for a handler that takes messages as they arrive instead of whole.
///
/// The pieces of a message follow each other with nothing of another message between them; `first` marks
/// the first and `last` the last, both for a message that came in one piece. Where one piece ends and the
/// next begins says nothing: it depends on frames and on the network, and may lie inside a character of a
/// text. A piece may be empty, if it is the last. Text has been checked as far as it came.
struct Fragment {
  MessageType type = MessageType::binary;
  Bytes payload;
  bool first = false;
  bool last = false;

  [[nodiscard]] bool is_text() const noexcept { return type == MessageType::text; }
  [[nodiscard]] Bytes bytes() const noexcept { return payload; }
  [[nodiscard]] std::string_view text() const noexcept { return as_text(payload); }
};

/// What brought a connection to its end.
enum class Cause : std::uint8_t {
  peer_closed,        ///< The peer sent a Close, and the closing handshake was completed.
  local_closed,       ///< The application closed, and the peer answered.
  protocol_error,     ///< The peer broke RFC 6455: a bad frame, a bad Close, text that isn't UTF-8.
  too_large,          ///< The peer's message exceeded the limit on size or on fragments.
  timeout,            ///< A deadline passed: no pong, no answer to our Close, nothing for too long.
  connection_lost,    ///< The stream ended or failed without a Close.
  backpressure,       ///< The peer reads too slowly: more than `max_backpressure` waited for it.
  handler_exception,  ///< A handler threw.
  shutdown,           ///< The server drains or was destroyed.
  out_of_memory,      ///< No memory could be had for what the peer sent.
};

/// A name for logs and metrics: "peer_closed".
[[nodiscard]] TIDEWIRE_API std::string_view name(Cause cause) noexcept;

/// How a connection ended; what `on_close` gets. The views are valid until it returns.
///
/// `cause` says who ended it and why, `code` and `reason` what the closing handshake said. Which handshake
/// that was follows from the cause: the peer's Close for `peer_closed` and `local_closed`; for the others
/// the Close that we sent or would have sent, and `abnormal` (1006) for `connection_lost`.
struct CloseInfo {
  CloseCode code = CloseCode::abnormal;
  std::string_view reason = {};  ///< The text in that Close; UTF-8, at most 123 bytes, often empty.
  Cause cause = Cause::connection_lost;
  std::string_view detail = {};  ///< What exactly was wrong, for a log: "reserved opcode", "Connection reset by peer".

  /// Whether both sides said Close to each other.
  [[nodiscard]] bool clean() const noexcept { return cause == Cause::peer_closed || cause == Cause::local_closed; }
};

}  // namespace tidewire::websocket
