#pragma once

#include <tidewire/core/loop.h>
#include <tidewire/core/shared_bytes.h>
#include <tidewire/websocket/publications.h>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tidewire::websocket {

class Connection;
struct Topic;
struct TopicsState;

/// A connection's place in a topic. Place and connection refer to each other by index, so that leaving is O(1).
struct Membership {
  TopicsState* topics;
  Topic* topic;
  std::uint32_t place;  // In Topic::subscribers.
};

struct Subscriber {
  Connection* connection;
  std::uint32_t membership;  // In the connection's memberships.
};

struct Topic {
  std::string name;
  std::vector<Subscriber> subscribers;
};

/// The topics of a loop, and who is in them. The loop's thread alone.
struct TopicsState {
  explicit TopicsState(Loop& on) : loop(on.remote()), publications(on.local<Publications>()) {}

  void join(Connection& connection, std::string_view name);
  bool leave(Connection& connection, std::string_view name);
  /// Takes the connection's membership of that index away; another takes its index.
  static void drop(Connection& connection, std::size_t membership) noexcept;
  /// Has all in the topic but one sent a frame, this turn.
  void publish(std::string_view name, const SharedBytes& frame, const Connection* except) noexcept;
  void erase_if_empty(const Topic& topic) noexcept;
  void drop_all() noexcept;

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const noexcept { return std::hash<std::string_view>()(name); }
  };

  LoopRemote loop;
  Publications& publications;
  std::unordered_map<std::string, std::unique_ptr<Topic>, Hash, std::equal_to<>> topics;
};

}  // namespace tidewire::websocket
