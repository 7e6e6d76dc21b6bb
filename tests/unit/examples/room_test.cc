#include <doctest/doctest.h>

#include <chat/room.h>
#include <string>

using namespace chat;

namespace {

const Lobby::Time now{};

struct Fixture {
  explicit Fixture(const Limits& limits = Limits())
      : lobby(
            limits, [this] { return "key-" + std::to_string(++keys); }, 1) {}

  Joined enter(std::string_view room, std::string_view name, std::string_view key = {}) {
    auto result = lobby.join(room, name, key, now);
    REQUIRE(std::holds_alternative<Joined>(result));
    return std::get<Joined>(result);
  }
  Refusal refused(std::string_view room, std::string_view name, std::string_view key = {}) {
    auto result = lobby.join(room, name, key, now);
    REQUIRE(std::holds_alternative<Refusal>(result));
    return std::get<Refusal>(result);
  }

  int keys = 0;
  Lobby lobby;
};

}  // namespace

TEST_CASE("who joins is a member with a clean name, an id and a key of their own") {
  Fixture chat;
  const Joined ana = chat.enter("lobby", "  Ana ");
  const Joined bo = chat.enter("lobby", "Bo");
  CHECK(ana.member.name == "Ana");
  CHECK_FALSE(ana.resumed);
  CHECK(ana.member.id != bo.member.id);
  CHECK(ana.member.key != bo.member.key);
  CHECK(&ana.room == &bo.room);
  CHECK(chat.lobby.people() == 2);
}

TEST_CASE("a name that cannot be shown is refused") { CHECK(Fixture().refused("lobby", " \n ") == Refusal::bad_name); }

TEST_CASE("a name is taken once in a room, whatever its case") {
  Fixture chat;
  chat.enter("lobby", "Ana");
  CHECK(chat.refused("lobby", "ANA") == Refusal::name_taken);
  CHECK(chat.refused("lobby", "Ana", "wrong") == Refusal::name_taken);
}

TEST_CASE("the same name is free in another room") {
  Fixture chat;
  const Joined one = chat.enter("one", "Ana");
  const Joined two = chat.enter("two", "Ana");
  CHECK(one.member.id != two.member.id);
}

TEST_CASE("a name is free again when its holder has left") {
  Fixture chat;
  const Joined ana = chat.enter("lobby", "Ana");
  chat.enter("lobby", "Bo");
  chat.lobby.leave(ana.room, ana.member.id);
  CHECK_FALSE(chat.enter("lobby", "Ana").resumed);
}

TEST_CASE("with the key one is the same member again, in a full room too") {
  Fixture chat({.max_people_in_room = 1});
  const Joined ana = chat.enter("lobby", "Ana");
  const Joined again = chat.enter("lobby", "Ana", ana.member.key);
  CHECK(again.resumed);
  CHECK(again.member.id == ana.member.id);
  CHECK(chat.lobby.people() == 1);
}

TEST_CASE("an empty key is nobody's") {
  Limits limits;
  Lobby lobby(
      limits, [] { return std::string(); }, 1);
  CHECK(std::holds_alternative<Joined>(lobby.join("lobby", "Ana", "", now)));
  CHECK(std::holds_alternative<Refusal>(lobby.join("lobby", "Ana", "", now)));
}

TEST_CASE("a full room takes nobody until somebody leaves") {
  Fixture chat({.max_people_in_room = 2});
  const Joined ana = chat.enter("lobby", "Ana");
  chat.enter("lobby", "Bo");
  CHECK(chat.refused("lobby", "Cy") == Refusal::room_full);
  chat.lobby.leave(ana.room, ana.member.id);
  chat.enter("lobby", "Cy");
}

TEST_CASE("a room keeps its last lines, the oldest first, and no more") {
  Fixture chat({.history = 50});
  const Joined ana = chat.enter("lobby", "Ana");
  for (int i = 1; i <= 60; ++i) chat.lobby.say(ana.room, ana.member, std::to_string(i), "", i);
  REQUIRE(ana.room.history().size() == 50);
  CHECK(ana.room.history().front().text == "11");
  CHECK(ana.room.history().back().text == "60");
}

TEST_CASE("what was said in one room is not in another") {
  Fixture chat;
  const Joined ana = chat.enter("one", "Ana");
  const Joined bo = chat.enter("two", "Bo");
  chat.lobby.say(ana.room, ana.member, "hello", "", 1);
  CHECK(bo.room.history().empty());
}

TEST_CASE("a room remembers what was said when all have left") {
  Fixture chat;
  const Joined ana = chat.enter("lobby", "Ana");
  chat.lobby.say(ana.room, ana.member, "hello", "", 1);
  chat.lobby.leave(ana.room, ana.member.id);
  CHECK(chat.lobby.rooms_in_use() == 0);
  CHECK(chat.enter("lobby", "Bo").room.history().size() == 1);
}

TEST_CASE("a room in which nothing was said is gone when all have left") {
  Fixture chat;
  const Joined ana = chat.enter("lobby", "Ana");
  chat.lobby.leave(ana.room, ana.member.id);
  CHECK(chat.lobby.rooms() == 0);
}

TEST_CASE("with too many rooms, the one that was left longest ago is forgotten") {
  Fixture chat({.max_rooms = 2});
  for (const char* name : {"old", "new"}) {
    const Joined ana = chat.enter(name, "Ana");
    chat.lobby.say(ana.room, ana.member, name, "", 1);
    chat.lobby.leave(ana.room, ana.member.id);
  }
  chat.enter("third", "Bo");
  CHECK(chat.lobby.rooms() == 2);
  CHECK(chat.enter("new", "Cy").room.history().size() == 1);
}

TEST_CASE("when somebody is in every room, there is no other") {
  Fixture chat({.max_rooms = 2});
  chat.enter("one", "Ana");
  chat.enter("two", "Ana");
  CHECK(chat.refused("three", "Ana") == Refusal::too_many_rooms);
  chat.enter("two", "Bo");
}

TEST_CASE("a join that is refused leaves no room behind") {
  Fixture chat({.max_people_in_room = 1});
  CHECK(chat.refused("lobby", "") == Refusal::bad_name);
  CHECK(chat.lobby.rooms() == 0);
}
