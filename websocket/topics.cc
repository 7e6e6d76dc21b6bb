#include <tidewire/websocket/connection.h>
#include <tidewire/websocket/shared_frame.h>
#include <tidewire/websocket/topics.h>
#include <tidewire/websocket/topics_state.h>
#include <cassert>
#include <new>
#include <string>

namespace tidewire::websocket {

Topics::Topics(Loop& loop) : state_(std::make_shared<TopicsState>(loop)), loop_(loop.remote()) {
  assert(loop.in_thread());
}

Topics::~Topics() {
  assert(loop_.usable());
  if (!loop_.inherited()) {
    state_->drop_all();
    return;
  }
  // What was published and not delivered is the parent's to send.
  (void)new (std::nothrow) std::shared_ptr<TopicsState>(state_);
}

void Topics::subscribe(Connection& peer, std::string_view topic) {
  assert(loop_.usable());
  if (peer.open()) state_->join(peer, topic);
}

bool Topics::unsubscribe(Connection& peer, std::string_view topic) {
  assert(loop_.usable());
  return state_->leave(peer, topic);
}

PostStatus Topics::publish(std::string_view topic, const Message& message) {
  if (loop_.in_thread()) {
    if (state_->topics.contains(topic)) state_->publish(topic, shared_frame(message), nullptr);
    return PostStatus::taken;
  }
  Task publishing([weak = std::weak_ptr(state_), name = std::string(topic), frame = shared_frame(message)] {
    if (const auto state = weak.lock()) state->publish(name, frame, nullptr);
  });
  return loop_.post(std::move(publishing), topic.size() + message.size());
}

void Topics::publish(std::string_view topic, const Message& message, const Connection& except) {
  assert(loop_.usable());
  if (state_->topics.contains(topic)) state_->publish(topic, shared_frame(message), &except);
}

std::size_t Topics::subscribers(std::string_view topic) const {
  assert(loop_.usable());
  const auto found = state_->topics.find(topic);
  return found == state_->topics.end() ? 0 : found->second->subscribers.size();
}

}  // namespace tidewire::websocket
