#include <tidewire/websocket/connection.h>
#include <tidewire/websocket/frame_forms.h>
#include <tidewire/websocket/publications.h>
#include <tidewire/websocket/topics_state.h>
#include <new>
#include <span>
#include <utility>

namespace tidewire::websocket {
namespace {

// Beyond it, a copy costs more than the writes that it saves. It also bounds what no subscriber's limit counts yet.
constexpr std::size_t most_bytes = 16 * 1024;

void write_to_all(const Topic& topic, std::span<const SharedBytes> frames, const Connection* except,
                  bool last) noexcept {
  FrameForms forms(frames);
  // Sending calls no handler, so nobody joins or leaves meanwhile.
  for (const Subscriber& subscriber : topic.subscribers) {
    if (subscriber.connection != except) subscriber.connection->send_shared(forms, last);
  }
}

}  // namespace

void Publications::add(const Topic& topic, const SharedBytes& frame, const Connection* except) noexcept {
  if (topic_ != &topic || except_ != except || bytes_ + frame.size() > most_bytes) deliver();
  if (frame.size() > most_bytes) return write_to_all(topic, {&frame, 1}, except, false);
  try {
    frames_.push_back(frame);
  } catch (const std::bad_alloc&) {
    deliver();
    return write_to_all(topic, {&frame, 1}, except, false);
  }
  topic_ = &topic;
  except_ = except;
  bytes_ += frame.size();
  if (!std::exchange(marked_, true)) loop_.flush_later(*this);
}

void Publications::flush() noexcept {
  marked_ = false;
  if (!empty()) deliver_all(true);
}

void Publications::deliver_all(bool last) noexcept {
  // Empty from now on: a subscriber that is closed for being slow delivers before its Close, too.
  const Topic& topic = *std::exchange(topic_, nullptr);
  write_to_all(topic, frames_, except_, last);
  frames_.clear();
  bytes_ = 0;
}

}  // namespace tidewire::websocket
