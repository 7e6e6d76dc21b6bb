#include <tidewire/websocket/assembly.h>
#include <tidewire/websocket/protocol.h>
#include <algorithm>
#include <new>
#include <utility>

namespace tidewire::websocket {
namespace {

constexpr std::size_t smallest_direct_read = std::size_t{64} << 10;
// So much is still in the processor's own cache when the mask is taken off after it was read.
constexpr std::size_t largest_direct_read = std::size_t{256} << 10;

// What can happen to a State; the closing handshake of RFC 6455 section 7.1 as a table.
enum class Step : std::uint8_t { send_close, receive_close, break_rule, refuse };

constexpr std::optional<State> after(State state, Step step) noexcept {
  constexpr std::optional<State> illegal;
  constexpr std::optional<State> table[5][4] = {
      // send_close, receive_close, break_rule, refuse
      {State::close_sent, State::close_received, State::close_received, State::refusing},  // open
      {State::close_sent, State::close_received, State::close_received, illegal},          // refusing
      {illegal, State::closed, State::closed, illegal},                                    // close_sent
      {State::closed, illegal, illegal, illegal},                                          // close_received
      {illegal, illegal, illegal, illegal},                                                // closed
  };
  return table[static_cast<std::size_t>(state)][static_cast<std::size_t>(step)];
}

// Unmasks `from` on its way to `to`, which may be the same, and checks it as text if `utf8` is given.
bool unmask_and_check(std::byte* to, MutableBytes from, const FrameHeader& header, Utf8* utf8) noexcept {
  const bool stays = to == from.data() && !header.masked;
  if (utf8 == nullptr) {
    if (!stays) copy_masked(to, from, header.masking_key);
    return true;
  }
  return stays ? utf8->feed(from) : utf8->feed_masked(to, from, header.masking_key);
}

// Twice the limit on what it becomes, without overflow.
std::uint64_t most_compressed(std::size_t max_message_bytes) noexcept {
  constexpr std::uint64_t of_short_ones = 1024;
  return max_message_bytes > UINT64_MAX / 2 - of_short_ones ? UINT64_MAX
                                                            : std::uint64_t{max_message_bytes} * 2 + of_short_ones;
}

Error closed_error() { return {make_error_code(Errc::closed), "websocket"}; }

Error misuse(const char* detail) { return {make_error_code(Errc::invalid_argument), detail}; }

}  // namespace

Protocol::Protocol(Role role) noexcept : role_(role) {}
Protocol::Protocol(Protocol&&) noexcept = default;
Protocol& Protocol::operator=(Protocol&&) noexcept = default;
Protocol::~Protocol() = default;

bool Protocol::unmask_whole(MutableBytes payload, std::uint32_t masking_key, bool text) noexcept {
  Utf8 utf8;
  const FrameHeader header{.masked = true, .masking_key = masking_key};
  return unmask_and_check(payload.data(), payload, header, text ? &utf8 : nullptr) && utf8.complete();
}

std::optional<Event> Protocol::next_any(MutableBytes& input, const Limits& limits, SpareAssembly& spare,
                                        Inflater* window, Budget* budget) noexcept {
  Budget unlimited(Budget::without_end);
  try {
    release(spare);
    auto event = parse(input, limits, spare, window, budget != nullptr ? *budget : unlimited);
    if (!event) release(spare);
    return event;
  } catch (const std::bad_alloc&) {
    return violation(CloseCode::internal_error, "out of memory", Cause::out_of_memory);
  }
}

void Protocol::release(SpareAssembly& spare) noexcept {
  if (!assembly_) return;
  if (assembly_->idle() || !receiving()) return spare.put(std::move(assembly_));
  // After our own Close or a refusal, what there is of a message won't be delivered.
  if (discarding()) assembly_->discard(spare);
}

Pace* Protocol::awaited_pace() noexcept { return assembly_->awaited() ? &assembly_->pace : nullptr; }

std::uint64_t Protocol::received_bytes() const noexcept { return assembly_ ? assembly_->received() : 0; }

std::optional<Event> Protocol::parse(MutableBytes& input, const Limits& limits, SpareAssembly& spare, Inflater* window,
                                     Budget& budget) {
  if ((std::exchange(stop_, 0) & bad_text) != 0) return invalid_text();
  while (receiving()) {
    if (assembly_ && assembly_->in_frame) {
      if (assembly_->invalid && !discarding()) return invalid_text();
      const bool inflates = assembly_->compressed && !is_control(assembly_->frame.opcode) && !discarding();
      if (auto event = inflates ? take_compressed(input, limits, spare, window, budget) : take_payload(input)) {
        return event;
      }
      if (assembly_->in_frame || budget.spent()) return {};
      continue;
    }
    const HeaderParse parsed = take_header(input, spare);
    if (parsed.status == HeaderParse::Status::need_more) return {};
    if (parsed.status == HeaderParse::Status::violation) {
      return violation(CloseCode::protocol_error, parsed.detail, Cause::protocol_error);
    }
    budget.charge(is_control(parsed.header.opcode) ? work::control_frame : work::message);
    if (auto event = begin_frame(parsed.header, input, limits, spare)) return event;
    if (budget.spent()) return {};
  }
  // Section 5.5.1: after a Close nothing follows; section 7.1.7: after a failure nothing is processed.
  input = {};
  return {};
}

HeaderParse Protocol::take_header(MutableBytes& input, SpareAssembly& spare) {
  const FrameRules rules{.receiver = role_, .allow_rsv1 = peer_deflate_ != 0};
  if (!assembly_ || assembly_->head_bytes == 0) {
    const HeaderParse parsed = parse_header(input, rules);
    if (parsed.status == HeaderParse::Status::complete) {
      input = input.subspan(parsed.header_bytes);
    } else if (parsed.status == HeaderParse::Status::need_more && !input.empty()) {
      Assembly& kept = assembly(spare);
      std::copy(input.begin(), input.end(), kept.head.begin());
      kept.head_bytes = static_cast<std::uint8_t>(input.size());
      input = {};
    }
    return parsed;
  }

  Assembly& kept = *assembly_;
  const std::size_t before = kept.head_bytes;
  const std::size_t count = std::min(input.size(), kept.head.size() - before);
  std::copy_n(input.begin(), count, kept.head.begin() + before);
  const HeaderParse parsed = parse_header(Bytes(kept.head).first(before + count), rules);
  if (parsed.status == HeaderParse::Status::complete) {
    input = input.subspan(parsed.header_bytes - before);
    kept.head_bytes = 0;
  } else if (parsed.status == HeaderParse::Status::need_more) {
    // With `max_header_bytes` every header is complete, so this was all of the input.
    kept.head_bytes = static_cast<std::uint8_t>(before + count);
    input = {};
  }
  return parsed;
}

std::optional<Event> Protocol::begin_frame(const FrameHeader& header, MutableBytes& input, const Limits& limits,
                                           SpareAssembly& spare) {
  if (!is_control(header.opcode)) return begin_data(header, input, limits, spare);
  if (header.payload_bytes <= input.size()) {
    const MutableBytes payload = input.first(static_cast<std::size_t>(header.payload_bytes));
    input = input.subspan(payload.size());
    if (header.masked) apply_mask(payload, header.masking_key);
    return control_event(header.opcode, payload);
  }
  Assembly& begun = assembly(spare);
  begun.frame = header;
  begun.remaining = header.payload_bytes;
  begun.control_bytes = 0;
  begun.in_frame = true;
  return {};
}

std::optional<Event> Protocol::fault_in_data(const FrameHeader& header) noexcept {
  const bool in_message = assembly_ && assembly_->in_message;
  if (header.opcode == Opcode::continuation && !in_message) {
    return violation(CloseCode::protocol_error, "continuation without a message", Cause::protocol_error);
  }
  if (header.opcode != Opcode::continuation && in_message) {
    return violation(CloseCode::protocol_error, "message inside a fragmented message", Cause::protocol_error);
  }
  return {};
}

std::optional<Event> Protocol::over_limit(const FrameHeader& header, const Limits& limits) noexcept {
  if (discarding()) return {};
  const bool in_message = assembly_ && assembly_->in_message;
  const std::uint64_t so_far = in_message ? assembly_->message_bytes : 0;
  const bool compressed = in_message ? assembly_->compressed : header.rsv1;
  const std::uint64_t limit = compressed ? most_compressed(limits.max_message_bytes) : limits.max_message_bytes;
  // Never as a sum, which could overflow: the length may be anything below 2^63.
  if (so_far > limit || header.payload_bytes > limit - so_far) {
    return refusal(CloseCode::message_too_big, "message too big");
  }
  if ((in_message ? assembly_->fragments : 0) >= limits.max_fragments) {
    return refusal(CloseCode::policy_violation, "too many fragments");
  }
  return {};
}

std::optional<Event> Protocol::begin_data(const FrameHeader& header, MutableBytes& input, const Limits& limits,
                                          SpareAssembly& spare) {
  if (auto fault = fault_in_data(header)) return fault;
  // The frame of a message that is refused is gone through all the same: the peer's Close comes behind it.
  auto refused = over_limit(header, limits);
  const bool in_message = assembly_ && assembly_->in_message;
  if (header.fin && !header.rsv1 && !in_message && header.payload_bytes <= input.size()) {
    const MutableBytes payload = input.first(static_cast<std::size_t>(header.payload_bytes));
    input = input.subspan(payload.size());
    return refused ? refused : whole_message(header, payload, limits);
  }
  Assembly& begun = assembly(spare);
  if (!in_message) {
    // Its header may have been under way before.
    const Pace pace = begun.pace;
    begun.reset();
    begun.pace = pace;
    begun.in_message = true;
    begun.first = true;
    begun.in_pieces = limits.deliver_fragments;
    begun.compressed = header.rsv1;
    begun.most_bytes = limits.max_message_bytes;
    begun.type = header.opcode == Opcode::text ? MessageType::text : MessageType::binary;
  }
  if (!in_message && !discarding() && (begun.compressed || !begun.in_pieces)) begun.payload = spare.take_payload();
  ++begun.fragments;
  begun.message_bytes += header.payload_bytes;
  begun.frame = header;
  begun.remaining = header.payload_bytes;
  begun.in_frame = true;
  return refused;
}

std::optional<Event> Protocol::whole_message(const FrameHeader& header, MutableBytes payload,
                                             const Limits& limits) noexcept {
  if (discarding()) return {};
  const bool text = header.opcode == Opcode::text;
  Utf8 utf8;
  if (!unmask_and_check(payload.data(), payload, header, text ? &utf8 : nullptr) || !utf8.complete()) {
    return invalid_text();
  }
  return Event{.kind = limits.deliver_fragments ? Event::Kind::fragment : Event::Kind::message,
               .type = text ? MessageType::text : MessageType::binary,
               .payload = payload};
}

std::optional<Event> Protocol::take_payload(MutableBytes& input) {
  Assembly& begun = *assembly_;
  const MutableBytes piece =
      input.first(static_cast<std::size_t>(std::min<std::uint64_t>(begun.remaining, input.size())));
  input = input.subspan(piece.size());
  begun.remaining -= piece.size();
  const bool ends_frame = begun.remaining == 0;
  if (!is_control(begun.frame.opcode)) return take_data(piece, ends_frame);

  copy_masked(begun.control.data() + begun.control_bytes, piece, begun.frame.masking_key);
  begun.frame.masking_key = rotate_key(begun.frame.masking_key, piece.size());
  begun.control_bytes = static_cast<std::uint8_t>(begun.control_bytes + piece.size());
  if (!ends_frame) return {};
  begun.end_frame();
  return control_event(begun.frame.opcode, MutableBytes(begun.control).first(begun.control_bytes));
}

std::optional<Event> Protocol::take_data(MutableBytes piece, bool ends_frame) {
  Assembly& begun = *assembly_;
  const bool ends_message = ends_frame && begun.frame.fin;
  if (!discarding()) {
    const bool text = begun.type == MessageType::text;
    std::byte* const to = begun.in_pieces ? piece.data() : begun.room(piece.size()).data();
    if (!unmask_and_check(to, piece, begun.frame, text ? &begun.utf8 : nullptr)) return invalid_text();
    if (ends_message && !begun.utf8.complete()) return invalid_text();
    if (!begun.in_pieces) begun.payload.commit(piece.size());
    begun.frame.masking_key = rotate_key(begun.frame.masking_key, piece.size());
  }
  if (ends_frame) begun.end_frame();
  if (ends_message) begun.in_message = false;
  if (discarding()) return {};

  if (begun.in_pieces && (ends_message || !piece.empty())) {
    return Event{.kind = Event::Kind::fragment,
                 .type = begun.type,
                 .first = std::exchange(begun.first, false),
                 .last = ends_message,
                 .payload = piece};
  }
  if (!begun.in_pieces && ends_message) return Event{.type = begun.type, .payload = begun.payload.bytes()};
  return {};
}

bool Protocol::frame_unfinished() const noexcept {
  if (!assembly_->in_frame || !receiving()) return false;
  return assembly_->remaining == 0 || assembly_->yielded || assembly_->invalid;
}

MutableBytes Protocol::receive_space(std::size_t min_worthwhile) noexcept {
  if (!assembly_ || state_ != State::open || !assembly_->in_frame) return {};
  Assembly& begun = *assembly_;
  if (is_control(begun.frame.opcode) || begun.in_pieces || begun.compressed || begun.invalid) return {};
  if (begun.remaining < std::max<std::size_t>(min_worthwhile, 1)) return {};
  const auto remaining = static_cast<std::size_t>(begun.remaining);
  // What room there is does, unless reading into it would take many small reads.
  const std::size_t enough = std::min(remaining, smallest_direct_read / 4);
  std::size_t grown = std::max(begun.payload.size(), smallest_direct_read);
  // A short rest is not worth moving everything for once more.
  if (grown >= remaining - enough) grown = remaining;
  try {
    const MutableBytes space = begun.room(begun.payload.spare() < enough ? grown : enough);
    return space.first(std::min({space.size(), remaining, largest_direct_read}));
  } catch (const std::bad_alloc&) {
    // The caller's own buffer still serves; if there is no memory then either, `next` says so.
    return {};
  }
}

void Protocol::commit_received(std::size_t count) noexcept {
  if (!assembly_) return;
  Assembly& begun = *assembly_;
  assert(begun.in_frame && count <= begun.remaining && count <= begun.payload.spare());
  const MutableBytes piece(begun.payload.data() + begun.payload.size(), count);
  Utf8* const utf8 = begun.type == MessageType::text ? &begun.utf8 : nullptr;
  if (!unmask_and_check(piece.data(), piece, begun.frame, utf8)) begun.invalid = true;
  begun.payload.commit(count);
  begun.frame.masking_key = rotate_key(begun.frame.masking_key, count);
  begun.remaining -= count;
}

Event Protocol::control_event(Opcode opcode, MutableBytes payload) noexcept {
  if (opcode == Opcode::close) return close_event(payload);
  return {.kind = opcode == Opcode::ping ? Event::Kind::ping : Event::Kind::pong, .payload = payload};
}

Event Protocol::close_event(MutableBytes payload) noexcept {
  // Section 5.5.1: "If there is a body, the first two bytes of the body MUST be a 2-byte unsigned integer".
  if (payload.size() == 1) {
    return violation(CloseCode::protocol_error, "Close with half a code", Cause::protocol_error);
  }
  auto code = CloseCode::no_status;
  std::string_view reason;
  if (!payload.empty()) {
    code = static_cast<CloseCode>(load_big_endian<std::uint16_t>(payload.data()));
    if (!may_appear_on_wire(code)) {
      return violation(CloseCode::protocol_error, "Close with a reserved code", Cause::protocol_error);
    }
    if (!is_utf8(payload.subspan(2))) {
      return violation(CloseCode::invalid_payload, "Close with a reason that is not UTF-8", Cause::protocol_error);
    }
    reason = as_text(payload.subspan(2));
  }
  const Cause cause = state_ == State::close_sent ? Cause::local_closed : Cause::peer_closed;
  owed_code_ = code;
  state_ = *after(state_, Step::receive_close);
  return {.kind = Event::Kind::close, .cause = cause, .code = code, .payload = payload, .reason = reason};
}

Event Protocol::violation(CloseCode code, std::string_view reason, Cause cause) noexcept {
  owed_code_ = code;
  state_ = *after(state_, Step::break_rule);
  return {.kind = Event::Kind::violation, .cause = cause, .code = code, .reason = reason};
}

Event Protocol::refusal(CloseCode code, std::string_view reason) noexcept {
  state_ = *after(state_, Step::refuse);
  return {.kind = Event::Kind::refusal, .cause = Cause::too_large, .code = code, .reason = reason};
}

Event Protocol::invalid_text() noexcept {
  // Section 8.1.
  return violation(CloseCode::invalid_payload, "text that is not UTF-8", Cause::protocol_error);
}

Assembly& Protocol::assembly(SpareAssembly& spare) {
  if (!assembly_) assembly_ = spare.take();
  return *assembly_;
}

DataHeader Protocol::part_header(Opcode opcode, std::size_t part_bytes, bool last, std::uint32_t masking_key,
                                 bool compressed) const noexcept {
  DataHeader header;
  header.size_ = static_cast<std::uint8_t>(encode_header({.opcode = opcode,
                                                          .fin = last,
                                                          .rsv1 = compressed,
                                                          .masked = role_ == Role::client,
                                                          .masking_key = masking_key,
                                                          .payload_bytes = part_bytes},
                                                         header.bytes_.data()));
  return header;
}

Result<DataHeader> Protocol::begin_message(MessageType type, std::size_t part_bytes, std::uint32_t masking_key,
                                           bool compressed) {
  assert(!compressed || deflates());
  if (!may_send_data()) return closed_error();
  if (in_parts_) return misuse("a message in parts is under way");
  in_parts_ = true;
  return part_header(type == MessageType::text ? Opcode::text : Opcode::binary, part_bytes, false, masking_key,
                     compressed);
}

Result<DataHeader> Protocol::continue_message(std::size_t part_bytes, bool last, std::uint32_t masking_key) {
  if (!may_send_data()) return closed_error();
  if (!in_parts_) return misuse("no message in parts is under way");
  in_parts_ = !last;
  return part_header(Opcode::continuation, part_bytes, last, masking_key);
}

Result<ControlFrame> Protocol::control_frame(Opcode opcode, Bytes payload, std::uint32_t masking_key) const {
  if (payload.size() > max_control_payload_bytes) return misuse("control payload of more than 125 bytes");
  std::array<std::byte, max_header_bytes> header;
  const std::size_t header_bytes = encode_header(
      {.opcode = opcode, .masked = role_ == Role::client, .masking_key = masking_key, .payload_bytes = payload.size()},
      header.data());
  ControlFrame frame;
  std::copy_n(header.begin(), header_bytes, frame.bytes_.begin());
  copy_masked(frame.bytes_.data() + header_bytes, payload, role_ == Role::client ? masking_key : 0);
  frame.size_ = static_cast<std::uint8_t>(header_bytes + payload.size());
  return frame;
}

Result<ControlFrame> Protocol::ping(Bytes payload, std::uint32_t masking_key) const {
  if (!may_send_control()) return closed_error();
  return control_frame(Opcode::ping, payload, masking_key);
}

Result<ControlFrame> Protocol::pong(Bytes payload, std::uint32_t masking_key) const {
  if (!may_send_control()) return closed_error();
  return control_frame(Opcode::pong, payload, masking_key);
}

Result<ControlFrame> Protocol::close(CloseCode code, std::string_view reason, std::uint32_t masking_key) {
  const auto next_state = after(state_, Step::send_close);
  if (!next_state) return closed_error();
  if (code != CloseCode::no_status && !may_appear_on_wire(code)) return misuse("close code that may not be sent");
  if (!is_utf8(as_bytes(reason))) return misuse("close reason that is not UTF-8");

  std::array<std::byte, max_control_payload_bytes> payload;
  std::size_t size = 0;
  if (code != CloseCode::no_status) {
    store_big_endian(payload.data(), static_cast<std::uint16_t>(code));
    const Bytes text = as_bytes(truncate_utf8(reason, payload.size() - 2));
    std::copy(text.begin(), text.end(), payload.begin() + 2);
    size = 2 + text.size();
  }
  state_ = *next_state;
  return control_frame(Opcode::close, Bytes(payload).first(size), masking_key);
}

Result<ControlFrame> Protocol::close_reply(std::string_view reason, std::uint32_t masking_key) {
  if (state_ != State::close_received) return closed_error();
  return close(owed_code_, reason, masking_key);
}

}  // namespace tidewire::websocket
