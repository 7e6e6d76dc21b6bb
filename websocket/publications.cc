#include <tidewire/websocket/connection.h>
#include <tidewire/websocket/publications.h>
#include <tidewire/websocket/topics_state.h>
#include <new>
#include <span>
#include <utility>

namespace tidewire::websocket {
namespace {

// Beyond it, a copy costs more than the writes that it saves. It also bounds what no subscriber's limit counts yet.
constexpr std::size_t most_bytes = 16 * 1024;

void write_to_all(const Topic& topic, std::span<const SharedBytes> frames, const SharedBytes& joined,
                  const Connection* except, bool last) noexcept {
  // Sending calls no handler, so nobody joins or leaves meanwhile.
  for (const Subscriber& subscriber : topic.subscribers) {
    if (subscriber.connection != except) subscriber.connection->send_shared(frames, joined, last);
  }
}

/// The frames one after the other; empty if there is no memory for that.
SharedBytes join(std::span<const SharedBytes> frames, std::size_t bytes) noexcept {
  try {
    return SharedBytes::make(bytes, [&](MutableBytes into) {
      for (const SharedBytes& frame : frames) {
        std::memcpy(into.data(), frame.view().data(), frame.size());
        into = into.subspan(frame.size());
      }
    });
  } catch (const std::bad_alloc&) {
    return {};
  }
}

}  // namespace

void Publications::add(const Topic& topic, const SharedBytes& frame, const Connection* except) noexcept {
  if (topic_ != &topic || except_ != except || bytes_ + frame.size() > most_bytes) deliver();
  if (frame.size() > most_bytes) return write_to_all(topic, {&frame, 1}, frame, except, false);
  try {
    frames_.push_back(frame);
  } catch (const std::bad_alloc&) {
    deliver();
    return write_to_all(topic, {&frame, 1}, frame, except, false);
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
  const SharedBytes joined = frames_.size() == 1 ? frames_.front() : join(frames_, bytes_);
  write_to_all(topic, frames_, joined, except_, last);
  frames_.clear();
  bytes_ = 0;
}

}  // namespace tidewire::websocket
