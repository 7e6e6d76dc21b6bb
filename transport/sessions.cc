#include <tidewire/transport/attempt.h>
#include <tidewire/transport/sessions.h>
#include <cassert>
#include <cstdint>
#include <utility>

namespace tidewire::transport {
namespace {

constexpr std::uint32_t nobody = UINT32_MAX;

}  // namespace

void Sessions::add(Consumer& consumer) {
  members_.push_back(&consumer);
  consumer.session_index_ = static_cast<std::uint32_t>(members_.size() - 1);
  open_.add();
}

void Sessions::remove(Consumer& consumer) noexcept {
  const std::uint32_t index = std::exchange(consumer.session_index_, nobody);
  if (index == nobody) return;
  assert(index < members_.size() && members_[index] == &consumer);
  // It may be the last itself.
  members_[index] = members_.back();
  if (members_[index] != &consumer) members_[index]->session_index_ = index;
  members_.pop_back();
  open_.subtract();
  if (members_.empty() && on_empty_) on_empty_();
}

void Sessions::replace(Consumer& consumer, Consumer& heir) noexcept {
  assert(members_[consumer.session_index_] == &consumer);
  heir.session_index_ = std::exchange(consumer.session_index_, nobody);
  members_[heir.session_index_] = &heir;
}

void Sessions::drain_all() noexcept {
  // Backwards: whoever leaves is replaced by the last, who has had its turn.
  for (std::size_t index = members_.size(); index > 0; --index) {
    if (index > members_.size()) continue;
    Consumer* member = members_[index - 1];
    if (!attempt([member] { member->drain(); })) continue;
    if (index <= members_.size() && members_[index - 1] == member) {
      remove(*member);
      member->abandon();
    }
  }
}

void Sessions::abandon_all() noexcept {
  while (!members_.empty()) {
    Consumer& last = *members_.back();
    members_.pop_back();
    last.session_index_ = nobody;
    open_.subtract();
    last.abandon();
  }
}

}  // namespace tidewire::transport
