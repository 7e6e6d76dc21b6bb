#pragma once

#include <chat/limits.h>
#include <chat/rate_limit.h>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

/// Who is in which room and what was said there; knows no connection and no clock.
namespace chat {

/// A number that names a person, or a message, and nothing else while the server runs.
using Id = std::uint64_t;

/// Somebody in a room.
struct Member {
  Id id = 0;
  std::string name;  ///< Clean, and nobody else's in the room.
  std::string key;   ///< A secret by which they prove to be the same when they come back.
  RateLimit rate;
};

/// A message that was said in a room.
struct Line {
  Id id = 0;
  Id from = 0;
  std::string name;
  std::string text;
  std::int64_t time_ms = 0;  ///< Since 1970, UTC.
  std::string reference;     ///< What the sender called it; may be empty.
};

/// A room: its members, and the last lines.
class Room {
 public:
  explicit Room(std::string name) : name_(std::move(name)) {}

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// By id, which is in the order in which they came.
  [[nodiscard]] const std::map<Id, Member>& members() const noexcept { return members_; }
  /// The oldest first.
  [[nodiscard]] const std::deque<Line>& history() const noexcept { return history_; }

  /// The member whom others would take for one of this name.
  [[nodiscard]] Member* find(std::string_view name);
  [[nodiscard]] Member& member(Id id) { return members_.at(id); }
  Member& add(Member member);
  void remove(Id id) { members_.erase(id); }

  /// Keeps a line, and forgets the oldest beyond `limit`.
  void keep(Line line, std::size_t limit);

 private:
  std::string name_;
  std::map<Id, Member> members_;
  std::deque<Line> history_;
};

/// Why somebody could not join.
enum class Refusal : std::uint8_t { bad_name, name_taken, room_full, too_many_rooms };

/// Somebody has joined. The references are valid until they leave.
struct Joined {
  Room& room;
  Member& member;
  bool resumed = false;  ///< They are in the room already, with a connection that they have given up.
};

/// All rooms.
///
/// A room is there from the first who joins it. When all have left it keeps its history, until there are too many
/// rooms: then those go first that nobody has been in for longest.
class Lobby {
 public:
  using Time = RateLimit::Time;

  /// `make_key` makes secrets; `first_id` is where ids begin, best a random number below 2^48: clients of an
  /// earlier run then don't take new ids for old ones.
  Lobby(const Limits& limits, std::function<std::string()> make_key, Id first_id)
      : limits_(limits), make_key_(std::move(make_key)), next_id_(first_id) {}

  /// Joins a room, whose name has been checked. `name` as the person typed it. With the `key` of the member who has
  /// that name, they are that member and not another.
  [[nodiscard]] std::variant<Joined, Refusal> join(std::string_view room, std::string_view name, std::string_view key,
                                                   Time now);
  /// Leaves; the member is no more.
  void leave(Room& room, Id member);

  /// Says something in a room: it is in the history now.
  const Line& say(Room& room, const Member& from, std::string text, std::string reference, std::int64_t time_ms);

  [[nodiscard]] const Limits& limits() const noexcept { return limits_; }
  /// Rooms that somebody is in.
  [[nodiscard]] std::size_t rooms_in_use() const noexcept;
  /// Rooms that are remembered.
  [[nodiscard]] std::size_t rooms() const noexcept { return rooms_.size(); }
  [[nodiscard]] std::size_t people() const noexcept { return people_; }

 private:
  struct Entry {
    Room room;
    std::uint64_t left_at = 0;  // Counts departures: the smaller, the longer ago.
  };

  Room* open_room(std::string_view name);
  bool forget_a_room();

  Limits limits_;
  std::function<std::string()> make_key_;
  Id next_id_;
  std::map<std::string, Entry, std::less<>> rooms_;
  std::size_t people_ = 0;
  std::uint64_t departures_ = 0;
};

}  // namespace chat
