#include <tidewire/core/timer_wheel.h>
#include <algorithm>
#include <bit>

namespace tidewire {
namespace {

// Ticks wrap; what counts is their distance.
bool later(Tick a, Tick b) noexcept { return static_cast<std::int32_t>(a - b) > 0; }

}  // namespace

void Deadline::unlink() noexcept {
  if (link_ == nullptr) return;
  *link_ = next_;
  if (next_ != nullptr) next_->link_ = link_;
  next_ = nullptr;
  link_ = nullptr;
}

TimerWheel::~TimerWheel() {
  for (Deadline*& head : slots_) {
    while (head != nullptr) head->unlink();
  }
}

void TimerWheel::arm(Deadline& deadline, Tick due) noexcept {
  deadline.unlink();
  deadline.due_ = later(due, now_) ? due : now_ + 1;
  const std::size_t slot = deadline.due_ % slot_count;
  deadline.next_ = slots_[slot];
  deadline.link_ = &slots_[slot];
  if (deadline.next_ != nullptr) deadline.next_->link_ = &deadline.next_;
  slots_[slot] = &deadline;
  occupied_[slot / word_bits] |= std::uint64_t{1} << (slot % word_bits);
}

void TimerWheel::advance(Tick now) {
  if (!later(now, now_)) return;
  // One turn of the wheel visits every slot; a longer jump has nothing more to find.
  const Tick steps = std::min<Tick>(now - now_, slot_count);
  const Tick first = now - steps + 1;
  now_ = now;
  for (Tick step = 0; step < steps; ++step) {
    const std::size_t slot = (first + step) % slot_count;
    if ((occupied_[slot / word_bits] >> (slot % word_bits) & 1) != 0) expire_slot(slot, now);
  }
}

void TimerWheel::expire_slot(std::size_t slot, Tick now) {
  occupied_[slot / word_bits] &= ~(std::uint64_t{1} << (slot % word_bits));
  // The list is taken out of the slot first: what on_deadline arms anew is not visited again now.
  Deadline* waiting = slots_[slot];
  slots_[slot] = nullptr;
  if (waiting != nullptr) waiting->link_ = &waiting;
  while (waiting != nullptr) {
    Deadline& deadline = *waiting;
    const Tick due = deadline.due_;
    deadline.unlink();
    if (later(due, now)) {
      arm(deadline, due);
    } else {
      deadline.on_deadline();
    }
  }
}

std::optional<Tick> TimerWheel::next() noexcept {
  for (Tick ahead = 1; ahead <= slot_count;) {
    const std::size_t slot = (now_ + ahead) % slot_count;
    const std::size_t bit = slot % word_bits;
    const std::uint64_t rest = occupied_[slot / word_bits] >> bit;
    if (rest == 0) {
      ahead += static_cast<Tick>(word_bits - bit);
      continue;
    }
    ahead += static_cast<Tick>(std::countr_zero(rest));
    if (ahead > slot_count) break;
    const std::size_t found = (now_ + ahead) % slot_count;
    if (slots_[found] != nullptr) return now_ + ahead;
    occupied_[found / word_bits] &= ~(std::uint64_t{1} << (found % word_bits));
  }
  return std::nullopt;
}

}  // namespace tidewire
