#include <tidewire/websocket/connection.h>
#include <tidewire/websocket/topics_state.h>

namespace tidewire::websocket {

void TopicsState::join(Connection& connection, std::string_view name) {
  publications.deliver();
  auto& memberships = connection.memberships();
  auto found = topics.find(name);
  if (found == topics.end()) {
    found = topics.emplace(std::string(name), std::make_unique<Topic>(Topic{std::string(name), {}})).first;
  }
  Topic& topic = *found->second;
  for (const Membership& membership : memberships) {
    if (membership.topic == &topic) return;
  }
  const auto place = static_cast<std::uint32_t>(topic.subscribers.size());
  try {
    topic.subscribers.push_back({&connection, static_cast<std::uint32_t>(memberships.size())});
    memberships.push_back({this, &topic, place});
  } catch (...) {
    topic.subscribers.resize(place);
    erase_if_empty(topic);
    throw;
  }
}

/// A name that nobody listens to costs nothing: peers may be allowed to make them up.
void TopicsState::erase_if_empty(const Topic& topic) noexcept {
  if (topic.subscribers.empty()) topics.erase(topics.find(topic.name));
}

bool TopicsState::leave(Connection& connection, std::string_view name) {
  const auto& memberships = connection.memberships();
  for (std::size_t index = 0; index < memberships.size(); ++index) {
    if (memberships[index].topics == this && memberships[index].topic->name == name) {
      drop(connection, index);
      return true;
    }
  }
  return false;
}

void TopicsState::drop(Connection& connection, std::size_t membership) noexcept {
  auto& memberships = connection.memberships();
  const Membership left = memberships[membership];
  left.topics->publications.deliver();
  memberships[membership] = memberships.back();
  memberships.pop_back();
  if (membership < memberships.size()) {
    const Membership& moved = memberships[membership];
    moved.topic->subscribers[moved.place].membership = static_cast<std::uint32_t>(membership);
  }
  auto& subscribers = left.topic->subscribers;
  subscribers[left.place] = subscribers.back();
  subscribers.pop_back();
  if (left.place < subscribers.size()) {
    const Subscriber& moved = subscribers[left.place];
    moved.connection->memberships()[moved.membership].place = left.place;
  }
  left.topics->erase_if_empty(*left.topic);
}

void TopicsState::publish(std::string_view name, const SharedBytes& frame, const Connection* except) noexcept {
  const auto found = topics.find(name);
  if (found != topics.end()) publications.add(*found->second, frame, except);
}

void TopicsState::drop_all() noexcept {
  while (!topics.empty()) {
    const Subscriber& last = topics.begin()->second->subscribers.back();
    drop(*last.connection, last.membership);
  }
}

}  // namespace tidewire::websocket
