#pragma once

#include <chat/messages.h>
#include <chat/room.h>
#include <tidewire/tidewire.h>
#include <string>
#include <string_view>
#include <unordered_map>

namespace chat {

class Session;

/// What the chat has seen.
struct Counters {
  tidewire::Counter connections;  ///< WebSockets, since the start.
  tidewire::Counter messages;     ///< Said, in all rooms.
  tidewire::Counter refused;      ///< Not said, for a limit.
  tidewire::Counter too_slow;     ///< Readers that were dropped.
};

/// What all sessions share; it lives longer than the server.
struct Chat {
  Chat(tidewire::Loop& loop, const Limits& limits);

  /// The state of the chat and of its server, as JSON, for `GET /stats`.
  [[nodiscard]] std::string stats(const tidewire::http::Server& server) const;

  tidewire::websocket::Topics topics;  // A room's name is its topic.
  Lobby lobby;
  Counters counters;
  std::unordered_map<Id, Session*> members;  // Who has joined, by their id.
  std::size_t sessions = 0;
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
};

/// One connection at `/rooms/:room`: waits for a join, then is a member until the connection ends, or until the same
/// person comes back with another one.
class Session final : public tidewire::websocket::Handler {
 public:
  Session(const tidewire::http::Request& request, Chat& chat);
  ~Session() override;

  void on_open(tidewire::websocket::Connection& peer) override;
  void on_message(tidewire::websocket::Connection& peer, const tidewire::websocket::Message& message) override;
  void on_close(tidewire::websocket::Connection& peer, const tidewire::websocket::CloseInfo& why) override;

 private:
  using Connection = tidewire::websocket::Connection;

  void join(Connection& peer, const Join& wanted);
  void say(Connection& peer, const Say& said);
  void refuse(Connection& peer, std::string_view answer);
  void give_up();

  Chat& chat_;
  std::string room_name_;
  tidewire::websocket::Handle self_;
  tidewire::Timer join_deadline_;
  Room* room_ = nullptr;  // Null until they have joined, and again when another session took over.
  Id id_ = 0;
  std::size_t refusals_ = 0;
};

/// Mounts the rooms on a server: `/rooms/:room`, for names that a room may have.
void mount_rooms(tidewire::http::Server& server, Chat& chat);

}  // namespace chat
