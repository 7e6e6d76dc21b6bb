#pragma once

#include <tidewire/core/export.h>
#include <tidewire/core/loop.h>
#include <tidewire/websocket/message.h>
#include <cstddef>
#include <memory>
#include <string_view>

namespace tidewire::websocket {

class Connection;
struct TopicsState;

/// Publish and subscribe: connections join topics by name, and a message published to a topic goes to all
/// that are in it.
///
/// A message is encoded once; its subscribers share the bytes, and each is written to once in a turn of the
/// loop, with all that came together for it, at the latest when the turn ends. Sending, publishing, subscribing and
/// unsubscribing take effect in the order in which they are called: who subscribes and then publishes gets its own
/// message, who unsubscribes gets nothing that is published afterwards. A subscriber that doesn't keep up is dealt with
/// by its own `Options::backpressure`, and slows nobody.
///
/// A connection leaves all topics when it ends, before its `on_close`. Topics need no declaration, and one
/// that nobody is in costs nothing. Belongs to the loop's thread, but for `publish`; make it before the
/// server whose handlers use it, so that it is destroyed after it.
class TIDEWIRE_API Topics {
 public:
  explicit Topics(Loop& loop);
  Topics(const Topics&) = delete;
  Topics& operator=(const Topics&) = delete;
  ~Topics();

  /// Joins; a second time changes nothing. A connection that is closing joins nothing.
  void subscribe(Connection& peer, std::string_view topic);
  /// Leaves; false if it was not in it.
  bool unsubscribe(Connection& peer, std::string_view topic);

  /// Sends to all in the topic. From any thread: on another than the loop's, the message is copied and
  /// published in the loop's next turn, unless too much waits for the loop (`full`) or it has ended; see
  /// LoopRemote::post. On the loop's thread it is always `taken`.
  PostStatus publish(std::string_view topic, const Message& message);
  /// Sends to all in the topic but one, usually the sender. On the loop's thread.
  void publish(std::string_view topic, const Message& message, const Connection& except);

  /// How many connections are in the topic.
  [[nodiscard]] std::size_t subscribers(std::string_view topic) const;

 private:
  std::shared_ptr<TopicsState> state_;  // Shared with what other threads have published and the loop not yet run.
  LoopRemote loop_;
};

}  // namespace tidewire::websocket
