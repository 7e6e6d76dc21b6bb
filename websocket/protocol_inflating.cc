#include <tidewire/websocket/assembly.h>
#include <tidewire/websocket/mask.h>
#include <tidewire/websocket/protocol.h>
#include <algorithm>
#include <cassert>
#include <new>
#include <utility>

/// Receiving messages that are compressed (RFC 7692 section 7.2.2).
namespace tidewire::websocket {
namespace {

constexpr std::uint8_t takeover_flag = 0x80;

constexpr std::uint8_t packed(std::uint8_t window_bits, bool takeover) noexcept {
  return static_cast<std::uint8_t>(window_bits | (takeover ? takeover_flag : 0));
}
constexpr std::uint8_t window_bits_of(std::uint8_t terms) noexcept {
  return static_cast<std::uint8_t>(terms & ~takeover_flag);
}
constexpr bool takeover_of(std::uint8_t terms) noexcept { return (terms & takeover_flag) != 0; }

// What is inflated at once. A short message needs no more room than this, and what is checked as text, or delivered in
// pieces, is still in the nearest cache.
constexpr std::size_t smallest_step = std::size_t{4} << 10;
constexpr std::size_t largest_step = std::size_t{64} << 10;
// What is looked at at once: blocks without text take most of a slice for it.
constexpr std::size_t largest_input_step = std::size_t{2} << 10;

// Blocks have tables, which cost most where they have no text.
std::uint64_t work_of(std::size_t used, std::size_t produced) noexcept {
  const std::size_t for_nothing = used > produced ? used - produced : 0;
  return used * work::byte_to_inflate + for_nothing * work::byte_inflated_to_nothing + produced * work::byte_inflated;
}

// Room for what comes next: no more than a step, nor than one byte beyond what is allowed, which shows that there is
// more. Where doubling the memory would go beyond that, it becomes just as large as it may.
MutableBytes room_for_step(Buffer& payload, std::uint64_t allowed) {
  std::size_t wanted = std::clamp(payload.size(), smallest_step, largest_step);
  if (payload.spare() >= smallest_step / 4) {
    wanted = 1;
  } else if (allowed < payload.capacity()) {
    wanted = static_cast<std::size_t>(allowed) + 1;
    if (payload.spare() < wanted) payload.reallocate(payload.size() + wanted);
  }
  const MutableBytes room = payload.prepare(wanted);
  const std::size_t size = std::min(room.size(), largest_step);
  return room.first(size > allowed ? static_cast<std::size_t>(allowed) + 1 : size);
}

}  // namespace

void Protocol::use_deflate(const DeflateAgreement& agreement) noexcept {
  own_deflate_ = packed(agreement.own_window_bits, agreement.own_takeover);
  peer_deflate_ = packed(agreement.peer_window_bits, agreement.peer_takeover);
}

DeflateAgreement Protocol::deflate() const noexcept {
  return {.own_takeover = takeover_of(own_deflate_),
          .peer_takeover = takeover_of(peer_deflate_),
          .own_window_bits = window_bits_of(own_deflate_),
          .peer_window_bits = window_bits_of(peer_deflate_)};
}

Inflater& Protocol::inflater(SpareAssembly& spare, Inflater* window) {
  if (takeover_of(peer_deflate_)) {
    assert(window != nullptr);
    return *window;
  }
  auto& own = assembly_->inflater;
  if (!own) own.emplace(spare.engines(), DeflateSettings{.window_bits = window_bits_of(peer_deflate_)});
  return *own;
}

// Inflates what the input has of the frame: all of it, or until there is something to deliver. What is left then stays
// at the front of the input, unmasked. So it does when the budget is spent.
std::optional<Event> Protocol::take_compressed(MutableBytes& input, const Limits& limits, SpareAssembly& spare,
                                               Inflater* window, Budget& budget) {
  Assembly& begun = *assembly_;
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(begun.remaining, input.size()));
  assert(begun.unmasked <= size);
  const MutableBytes fresh = input.first(size).subspan(begun.unmasked);
  if (begun.frame.masked) {
    apply_mask(fresh, begun.frame.masking_key);
    begun.frame.masking_key = rotate_key(begun.frame.masking_key, fresh.size());
  }
  begun.unmasked = size;
  const bool ends_message = size == begun.remaining && begun.frame.fin;
  Inflater& source = inflater(spare, window);
  if (begun.in_pieces) begun.payload.clear();
  begun.yielded = false;
  for (;;) {
    const std::uint64_t allowed = limits.max_message_bytes - begun.inflated_bytes;
    const MutableBytes room = room_for_step(begun.payload, allowed);
    const std::size_t offered = std::min(begun.unmasked, largest_input_step);
    Bytes rest = input.first(offered);
    const Inflater::Step step = source.inflate(rest, ends_message && offered == begun.unmasked, room);
    const std::size_t used = offered - rest.size();
    budget.charge(work_of(used, step.produced));
    input = input.subspan(used);
    begun.unmasked -= used;
    begun.remaining -= used;
    if (step.state == InflateState::no_memory) throw std::bad_alloc();
    const bool complete = step.state == InflateState::complete;
    if (auto fault = fault_in_inflated(room.first(step.produced), step.state, allowed)) return fault;
    begun.payload.commit(step.produced);
    begun.inflated_bytes += step.produced;
    const bool all_given = step.state == InflateState::needs_input && begun.unmasked == 0;
    if ((complete || all_given) && begun.remaining == 0) begun.end_frame();
    if (complete) begun.in_message = false;
    if (begun.in_pieces && (complete || step.produced != 0)) {
      return Event{.kind = Event::Kind::fragment,
                   .type = begun.type,
                   .first = std::exchange(begun.first, false),
                   .last = complete,
                   .payload = begun.payload.bytes()};
    }
    if (complete) return Event{.type = begun.type, .payload = begun.payload.bytes()};
    if (all_given) return {};
    if (budget.spent()) {
      begun.yielded = true;
      return {};
    }
  }
}

// What counts of a text is what is wrong first, so that it doesn't matter in which pieces it came.
std::optional<Event> Protocol::fault_in_inflated(Bytes piece, InflateState state, std::uint64_t allowed) noexcept {
  Assembly& begun = *assembly_;
  const bool too_big = piece.size() > allowed;
  if (begun.type == MessageType::text) {
    if (!begun.utf8.feed(too_big ? piece.first(static_cast<std::size_t>(allowed)) : piece)) return invalid_text();
    if (!too_big && state == InflateState::complete && !begun.utf8.complete()) return invalid_text();
  }
  if (too_big) return refusal(CloseCode::message_too_big, "message too big when inflated");
  if (state != InflateState::corrupt) return {};
  return violation(CloseCode::invalid_payload, "compressed data that is not valid", Cause::protocol_error);
}

}  // namespace tidewire::websocket
