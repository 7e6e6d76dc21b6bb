#include <chat/room.h>
#include <chat/text.h>
#include <algorithm>
#include <utility>

namespace chat {

Member* Room::find(std::string_view name) {
  const std::string key = name_key(name);
  for (auto& [id, member] : members_) {
    if (name_key(member.name) == key) return &member;
  }
  return nullptr;
}

Member& Room::add(Member member) {
  const Id id = member.id;
  return members_.insert_or_assign(id, std::move(member)).first->second;
}

void Room::keep(Line line, std::size_t limit) {
  history_.push_back(std::move(line));
  while (history_.size() > limit) history_.pop_front();
}

std::variant<Joined, Refusal> Lobby::join(std::string_view room_name, std::string_view wanted, std::string_view key,
                                          Time now) {
  const auto name = clean_name(wanted, limits_.max_name_characters);
  if (!name) return Refusal::bad_name;
  Room* room = open_room(room_name);
  if (room == nullptr) return Refusal::too_many_rooms;
  if (Member* holder = room->find(*name)) {
    if (key.empty() || holder->key != key) return Refusal::name_taken;
    return Joined{*room, *holder, true};
  }
  if (room->members().size() >= limits_.max_people_in_room) return Refusal::room_full;
  Member& member = room->add({.id = next_id_++,
                              .name = *name,
                              .key = make_key_(),
                              .rate = RateLimit(limits_.burst, limits_.messages_per_second, now)});
  ++people_;
  return Joined{*room, member, false};
}

void Lobby::leave(Room& room, Id member) {
  room.remove(member);
  --people_;
  const auto at = rooms_.find(room.name());
  at->second.left_at = ++departures_;
  // Nothing to remember: then it need not take the place of another.
  if (room.members().empty() && room.history().empty()) rooms_.erase(at);
}

const Line& Lobby::say(Room& room, const Member& from, std::string text, std::string reference, std::int64_t time_ms) {
  room.keep({.id = next_id_++,
             .from = from.id,
             .name = from.name,
             .text = std::move(text),
             .time_ms = time_ms,
             .reference = std::move(reference)},
            std::max<std::size_t>(limits_.history, 1));
  return room.history().back();
}

std::size_t Lobby::rooms_in_use() const noexcept {
  return static_cast<std::size_t>(std::count_if(rooms_.begin(), rooms_.end(),
                                                [](const auto& each) { return !each.second.room.members().empty(); }));
}

Room* Lobby::open_room(std::string_view name) {
  if (const auto at = rooms_.find(name); at != rooms_.end()) return &at->second.room;
  if (rooms_.size() >= limits_.max_rooms && !forget_a_room()) return nullptr;
  std::string key(name);
  return &rooms_.emplace(key, Entry{.room = Room(key), .left_at = 0}).first->second.room;
}

bool Lobby::forget_a_room() {
  auto oldest = rooms_.end();
  for (auto at = rooms_.begin(); at != rooms_.end(); ++at) {
    if (!at->second.room.members().empty()) continue;
    if (oldest == rooms_.end() || at->second.left_at < oldest->second.left_at) oldest = at;
  }
  if (oldest == rooms_.end()) return false;
  rooms_.erase(oldest);
  return true;
}

}  // namespace chat
