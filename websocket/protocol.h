#pragma once

#include <tidewire/core/budget.h>
#include <tidewire/core/bytes.h>
#include <tidewire/core/export.h>
#include <tidewire/core/result.h>
#include <tidewire/websocket/close_code.h>
#include <tidewire/websocket/deflate.h>
#include <tidewire/websocket/deflate_negotiation.h>
#include <tidewire/websocket/frame.h>
#include <tidewire/websocket/mask.h>
#include <tidewire/websocket/message.h>
#include <tidewire/websocket/spare_assembly.h>
#include <tidewire/websocket/utf8.h>
#include <array>
#include <cassert>
#include <memory>
#include <optional>

namespace tidewire::websocket {

class Pace;

/// What a receiver takes. One for many connections: a Protocol is given it at each call and keeps nothing.
struct Limits {
  /// The payload of a message, all its fragments together and inflated; over it: refusal, 1009. 1 MiB is more than
  /// messages between people and their servers need and bounds what one connection can make us hold. What is
  /// compressed may take twice as much on the wire: flushes between fragments take room, too.
  std::size_t max_message_bytes = std::size_t{1} << 20;
  /// Frames in a message; over it: refusal, 1008. A fragment costs no memory, only the time for its header.
  std::uint32_t max_fragments = 131'072;
  /// Deliver what there is of a message as it comes, instead of whole messages. The limits hold all the same.
  bool deliver_fragments = false;
};

/// What came from the peer. Its views are valid until the next call to `Protocol::next` or `release`.
struct Event {
  enum class Kind : std::uint8_t {
    message,    ///< A whole message: `type`, `payload`.
    fragment,   ///< A piece of one (Limits::deliver_fragments): `type`, `payload`, `first`, `last`.
    ping,       ///< `payload`, to be sent back in a pong at once if `may_send_control()`.
    pong,       ///< `payload`.
    close,      ///< `code` (no_status if it carried none) and `reason`. Answer with `close_reply()`.
    refusal,    ///< A message goes over a limit: `code`, `reason` (a literal), `cause`. Close with these, and wait for
                ///< the peer's Close: it has broken no rule, and may need to have been read before it can hear ours.
    violation,  ///< The peer broke a rule: `code`, `reason` (a literal), `cause`. Send `close_reply()` and end the
                ///< connection without waiting.
  };

  Kind kind = Kind::message;
  MessageType type = MessageType::binary;
  bool first = true;
  bool last = true;
  Cause cause = Cause::peer_closed;
  CloseCode code = CloseCode::no_status;
  Bytes payload = {};
  std::string_view reason = {};

  [[nodiscard]] Message message() const noexcept { return {type, payload}; }
  [[nodiscard]] Fragment fragment() const noexcept { return {type, payload, first, last}; }
};

/// A Close, Ping or Pong, ready to be sent; a small value.
class ControlFrame {
 public:
  [[nodiscard]] Bytes bytes() const noexcept { return {bytes_.data(), size_}; }

 private:
  friend class Protocol;
  std::array<std::byte, 2 + 4 + max_control_payload_bytes> bytes_{};
  std::uint8_t size_ = 0;
};

/// The header of a data frame, ready to be sent in front of its payload.
class DataHeader {
 public:
  [[nodiscard]] Bytes bytes() const noexcept { return {bytes_.data(), size_}; }

 private:
  friend class Protocol;
  std::array<std::byte, max_header_bytes> bytes_{};
  std::uint8_t size_ = 0;
};

/// Where the connection stands between its opening handshake and its end (RFC 6455 section 7.1).
enum class State : std::uint8_t {
  open,            ///< Messages go both ways.
  refusing,        ///< A message goes over a limit: we owe the peer a Close. What it sends is parsed and dropped.
  close_sent,      ///< We sent Close and wait for the peer's. What it still sends is parsed and dropped.
  close_received,  ///< The peer sent Close, or broke a rule: we owe it one. Nothing more is read.
  closed,          ///< Close went both ways: nothing more is read or sent.
};

/// One end of a WebSocket connection without its I/O: bytes in, events out; frames to send, on request.
///
/// It knows no stream, loop or clock. The owner reads, hands what came to `next` until that returns nothing,
/// and writes what the sending functions encode. Errors are of two kinds: what the peer does wrong comes as
/// an Event of kind violation, what the owner does wrong (data after Close, a second message amid one in
/// parts) as the Error of the call.
///
/// While nothing is under way it is two words and owns no memory. One thread at a time.
///
///     while (auto event = protocol.next(input, limits, spare)) handle(*event);
class TIDEWIRE_API Protocol {
 public:
  explicit Protocol(Role role) noexcept;
  Protocol(Protocol&&) noexcept;
  Protocol& operator=(Protocol&&) noexcept;
  ~Protocol();

  [[nodiscard]] Role role() const noexcept { return role_; }
  [[nodiscard]] State state() const noexcept { return state_; }

  /// Turns permessage-deflate on (RFC 7692), as the handshake agreed; before anything is received or sent. Messages
  /// that come compressed are inflated from then on. What is sent is the owner's to compress, see `Deflater`, and
  /// the header's to say.
  void use_deflate(const DeflateAgreement& agreement) noexcept;
  [[nodiscard]] bool deflates() const noexcept { return own_deflate_ != 0; }
  /// What was agreed, if `deflates()`.
  [[nodiscard]] DeflateAgreement deflate() const noexcept;

  /// Takes bytes from the front of `input`, which shrinks, and returns the next event, or nothing when all
  /// of it is used or the budget is spent.
  ///
  /// The work is charged to `budget`: frames, and what is inflated. Once it is spent the call returns, between two
  /// frames or within a message that is inflated, but never before it has got on. Hand in what is left of the input
  /// again, also if that is nothing but `unfinished()` holds. Without one all of the input is taken.
  ///
  /// The input is written to: a masked payload is unmasked where it lies, and a frame that lies wholly in
  /// the input is delivered from there, without a copy. What goes beyond it is collected in memory that
  /// grows with what has come, never with what was announced.
  ///
  /// A violation is reported once, as early as it shows, and ends reception, as the peer's Close does: what
  /// follows is taken and dropped. A refusal is reported once and as early, too, and treats what follows as our own
  /// Close does.
  /// What an event leaves of the input is handed in again as it was left: some of a
  /// compressed message may be unmasked already. After our own Close the peer's data frames are still held to the
  /// framing rules, but neither collected nor checked as text nor delivered; its control frames are delivered.
  ///
  /// A compressed message is inflated in steps, so that no more than the limit and a step is ever held. Data that is
  /// no DEFLATE is a violation with code 1007. `window` is needed where the peer may refer to earlier messages
  /// (DeflateAgreement::peer_takeover): always the same one, made with those terms, which has seen all of them.
  ///
  /// Throws nothing: when memory runs out, that is a violation with cause `out_of_memory` and code 1011.
  [[nodiscard]] std::optional<Event> next(MutableBytes& input, const Limits& limits, SpareAssembly& spare,
                                          Inflater* window = nullptr, Budget* budget = nullptr) noexcept {
    Message message(MessageType::binary, {});
    if (!limits.deliver_fragments && try_next_message(input, limits, message)) {
      return Event{.kind = Event::Kind::message, .type = message.type(), .payload = message.bytes()};
    }
    return next_any(input, limits, spare, window, budget);
  }

  /// Whether `next` has something to do before more of the peer's bytes come.
  [[nodiscard]] bool unfinished() const noexcept { return assembly_ && frame_unfinished(); }
  /// Whether nothing has begun to come, and there is nothing to say: without input `next` returns nothing. Cheap.
  [[nodiscard]] bool at_rest() const noexcept { return !assembly_ && stop_ == 0; }

  /// Has `try_next_message` take nothing until the next call of `next`, so that a loop around it ends after the
  /// message that it is at.
  void hold() noexcept { stop_ |= held; }

  /// The common case of `next`, made to be inlined into the owner's loop: if a message in one frame of less than
  /// 64 KiB lies whole at the front of `input`, takes it and returns true. Otherwise `next` is to be called, which
  /// knows what there is; nothing is taken before, except for text that isn't UTF-8. Not for
  /// Limits::deliver_fragments.
  [[nodiscard]] bool try_next_message(MutableBytes& input, const Limits& limits, Message& message) noexcept;

  /// Where to read the rest of a large frame directly, once `next` has returned nothing: the message's own
  /// memory, for at most what the frame still lacks and 256 KiB. It is grown for it by no more than came before, or
  /// 64 KiB if that is more; a rest of up to 16 KiB is not left out. Empty if the frame lacks fewer than
  /// `min_worthwhile` bytes, or its payload isn't collected: read into a buffer of your own then. It may be asked for
  /// again instead of being used, but nothing else may be called between this and `commit_received`.
  [[nodiscard]] MutableBytes receive_space(std::size_t min_worthwhile) noexcept;

  /// Takes the first `count` bytes of `receive_space()`, into which the peer's bytes were read. `next` with
  /// an empty input returns what has become complete by them.
  void commit_received(std::size_t count) noexcept;

  /// Gives back the memory of the last event, whose views end, and of a message that is not wanted any more, without
  /// looking for another event. `next` does so by itself; this is for an owner that stops calling it for a while.
  void release(SpareAssembly& spare) noexcept;

  /// The clock of what has begun to come and is not complete: of a message with all its fragments, or of a frame with
  /// Limits::deliver_fragments, and of a header or control frame by itself. Null while nothing is awaited. To be asked
  /// once `next` has returned nothing; the owner begins it, stops it while it does not read, and checks it.
  [[nodiscard]] Pace* pace() noexcept { return assembly_ ? awaited_pace() : nullptr; }
  /// How much payload of that has come. Headers and control frames do not count.
  [[nodiscard]] std::uint64_t received_bytes() const noexcept;

  /// Whether what the peer sends still matters: before its Close, and before a violation.
  [[nodiscard]] bool receiving() const noexcept { return state_ <= State::close_sent; }

  /// Whether messages may be sent: before the first Close of either side.
  [[nodiscard]] bool may_send_data() const noexcept { return state_ == State::open; }
  /// Whether a whole message may be sent now: as before, and no message in parts is under way.
  [[nodiscard]] bool may_send_message() const noexcept { return may_send_data() && !in_parts_; }
  /// Whether Ping and Pong may be sent: until the peer's Close (section 5.5.2).
  [[nodiscard]] bool may_send_control() const noexcept { return receiving(); }

  /// Writes the header for a whole message and returns its size; `to` has room for `max_header_bytes`, all
  /// of which may be written to. Only while `may_send_message()`, or for what was sent before the peer's Close came and
  /// still goes out before our answer to it (section 5.5.1 allows that). `masking_key` matters to clients alone:
  /// an unforeseeable one for each frame (section 5.3), by which the owner masks the payload, too. `compressed`: the
  /// payload is, which must have been agreed.
  std::size_t encode_message_header(MessageType type, std::size_t payload_bytes, std::byte* to,
                                    std::uint32_t masking_key = 0, bool compressed = false) const noexcept {
    assert((may_send_data() || state_ == State::close_received) && !in_parts_ && (!compressed || deflates()));
    return encode_header({.opcode = type == MessageType::text ? Opcode::text : Opcode::binary,
                          .rsv1 = compressed,
                          .masked = role_ == Role::client,
                          .masking_key = masking_key,
                          .payload_bytes = payload_bytes},
                         to);
  }

  /// Whether a message in parts is under way, which must end before another message begins.
  [[nodiscard]] bool in_parts() const noexcept { return in_parts_; }

  /// The header for the first part of a message in parts; `compressed` is for all of them. Errors: `closed`;
  /// `invalid_argument` if one is under way.
  [[nodiscard]] Result<DataHeader> begin_message(MessageType type, std::size_t part_bytes,
                                                 std::uint32_t masking_key = 0, bool compressed = false);
  /// The header for the next part; `last` ends the message. A part may be empty. Errors: `closed`;
  /// `invalid_argument` if no message in parts is under way.
  [[nodiscard]] Result<DataHeader> continue_message(std::size_t part_bytes, bool last, std::uint32_t masking_key = 0);

  /// Errors of both: `closed` unless `may_send_control()`; `invalid_argument` if the payload has more than
  /// 125 bytes.
  [[nodiscard]] Result<ControlFrame> ping(Bytes payload, std::uint32_t masking_key = 0) const;
  [[nodiscard]] Result<ControlFrame> pong(Bytes payload, std::uint32_t masking_key = 0) const;

  /// Begins the closing handshake, or ends it if the peer began. A reason longer than 123 bytes is cut after
  /// a whole character. `CloseCode::no_status` sends a Close without code and reason. Errors: `closed` if a
  /// Close was sent before; `invalid_argument` for a code that may not appear on the wire, or a reason that
  /// isn't UTF-8.
  [[nodiscard]] Result<ControlFrame> close(CloseCode code, std::string_view reason, std::uint32_t masking_key = 0);

  /// The Close owed to the peer while `close_received`: its own code sent back (section 5.5.1), none if it sent
  /// none; after a violation, the code of that, and `reason`. Errors: `closed` in every other state; after a
  /// violation that followed our own Close, the Close has been sent.
  [[nodiscard]] Result<ControlFrame> close_reply(std::string_view reason = {}, std::uint32_t masking_key = 0);

  /// The stream has ended: nothing more is received or sent.
  void end() noexcept { state_ = State::closed; }

 private:
  [[nodiscard]] static bool unmask_whole(MutableBytes payload, std::uint32_t masking_key, bool text) noexcept;
  // Not inlined, whatever the linker may think: it would crowd the loops around `try_next_message`.
  [[nodiscard, gnu::noinline]] std::optional<Event> next_any(MutableBytes& input, const Limits& limits,
                                                             SpareAssembly& spare, Inflater* window,
                                                             Budget* budget) noexcept;

  [[nodiscard]] std::optional<Event> parse(MutableBytes& input, const Limits& limits, SpareAssembly& spare,
                                           Inflater* window, Budget& budget);
  [[nodiscard]] HeaderParse take_header(MutableBytes& input, SpareAssembly& spare);
  [[nodiscard]] std::optional<Event> begin_frame(const FrameHeader& header, MutableBytes& input, const Limits& limits,
                                                 SpareAssembly& spare);
  [[nodiscard]] std::optional<Event> begin_data(const FrameHeader& header, MutableBytes& input, const Limits& limits,
                                                SpareAssembly& spare);
  [[nodiscard]] std::optional<Event> fault_in_data(const FrameHeader& header) noexcept;
  [[nodiscard]] std::optional<Event> over_limit(const FrameHeader& header, const Limits& limits) noexcept;
  [[nodiscard]] std::optional<Event> whole_message(const FrameHeader& header, MutableBytes payload,
                                                   const Limits& limits) noexcept;
  [[nodiscard]] std::optional<Event> take_payload(MutableBytes& input);
  [[nodiscard]] std::optional<Event> take_data(MutableBytes piece, bool ends_frame);
  [[nodiscard]] std::optional<Event> take_compressed(MutableBytes& input, const Limits& limits, SpareAssembly& spare,
                                                     Inflater* window, Budget& budget);
  [[nodiscard]] std::optional<Event> fault_in_inflated(Bytes piece, InflateState state, std::uint64_t allowed) noexcept;
  [[nodiscard]] Inflater& inflater(SpareAssembly& spare, Inflater* window);
  [[nodiscard]] Event control_event(Opcode opcode, MutableBytes payload) noexcept;
  [[nodiscard]] Event close_event(MutableBytes payload) noexcept;
  [[nodiscard]] Event violation(CloseCode code, std::string_view reason, Cause cause) noexcept;
  [[nodiscard]] Event refusal(CloseCode code, std::string_view reason) noexcept;
  [[nodiscard]] Event invalid_text() noexcept;

  [[nodiscard]] Assembly& assembly(SpareAssembly& spare);
  [[nodiscard]] bool frame_unfinished() const noexcept;
  [[nodiscard]] Pace* awaited_pace() noexcept;
  [[nodiscard]] bool discarding() const noexcept { return state_ == State::refusing || state_ == State::close_sent; }
  [[nodiscard]] Result<ControlFrame> control_frame(Opcode opcode, Bytes payload, std::uint32_t masking_key) const;
  [[nodiscard]] DataHeader part_header(Opcode opcode, std::size_t part_bytes, bool last, std::uint32_t masking_key,
                                       bool compressed = false) const noexcept;

  static constexpr std::uint8_t bad_text = 1;  // It took text that isn't UTF-8; `next` is to say so.
  static constexpr std::uint8_t held = 2;      // By `hold`.

  // Only while a frame or message is under way, or the views of the last event lie in it.
  std::unique_ptr<Assembly> assembly_;
  // What close_reply() sends back.
  CloseCode owed_code_ = CloseCode::no_status;
  // In this order, what each message is received and sent under can be compared as one word.
  Role role_;
  State state_ = State::open;
  bool in_parts_ = false;
  std::uint8_t stop_ = 0;  // Why try_next_message takes nothing: these flags.
  // Each direction's window bits, and takeover_flag; 0 where nothing is compressed.
  std::uint8_t own_deflate_ = 0;
  std::uint8_t peer_deflate_ = 0;
};

static_assert(sizeof(Protocol) == sizeof(void*) + 8);

inline bool Protocol::try_next_message(MutableBytes& input, const Limits& limits, Message& message) noexcept {
  constexpr unsigned size_follows_in_16_bits = 126;
  constexpr std::size_t short_header_bytes = 6;
  constexpr std::size_t long_header_bytes = 8;
  // What comes behind text that isn't UTF-8 must not be taken before that is told.
  if (stop_ != 0 || assembly_ || state_ != State::open || role_ != Role::server) return false;
  if (input.size() < short_header_bytes) return false;
  // A whole text or binary message; masked, with its length in seven bits or in sixteen.
  const auto opcode = std::to_integer<unsigned>(input[0]) - 0x81U;
  const unsigned length = std::to_integer<unsigned>(input[1]) - 0x80U;
  std::size_t header_bytes = short_header_bytes;
  std::size_t size = length;
  if (length >= size_follows_in_16_bits) {
    if (length != size_follows_in_16_bits || input.size() < long_header_bytes) return false;
    header_bytes = long_header_bytes;
    size = load_big_endian<std::uint16_t>(input.data() + 2);
    if (size < size_follows_in_16_bits) return false;
  }
  if (opcode > 1 || input.size() - header_bytes < size || size > limits.max_message_bytes) return false;
  const MutableBytes payload = input.subspan(header_bytes, size);
  const auto masking_key = load_native<std::uint32_t>(payload.data() - sizeof(std::uint32_t));
  const bool text = opcode == 0;
  input = input.subspan(header_bytes + size);
  if (size > max_short_mask_bytes) {
    if (!unmask_whole(payload, masking_key, text)) stop_ = bad_text;
  } else if (apply_mask_short(payload.data(), size, masking_key) && text) {
    if (!is_utf8(payload)) stop_ = bad_text;
  }
  message = Message(text ? MessageType::text : MessageType::binary, payload);
  return stop_ == 0;
}

}  // namespace tidewire::websocket
