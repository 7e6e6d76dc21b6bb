#include <doctest/doctest.h>

#include <chat/messages.h>
#include <nlohmann/json.hpp>
#include <string>

using namespace chat;
using nlohmann::json;

namespace {

Member member(Id id, std::string name) {
  return {.id = id, .name = std::move(name), .key = "secret", .rate = RateLimit(1, 1, {})};
}

}  // namespace

TEST_CASE("a join has a name, and a key if it has one") {
  const auto first = parse(R"({"type":"join","name":"Ana"})");
  REQUIRE(first);
  CHECK(std::get<Join>(*first).name == "Ana");
  CHECK(std::get<Join>(*first).key.empty());
  const auto again = parse(R"({"key":"k","more":[1],"name":"Ana","type":"join"})");
  REQUIRE(again);
  CHECK(std::get<Join>(*again).key == "k");
}

TEST_CASE("a say has a text, and a reference if it has one") {
  const auto said = parse(R"({"type":"say","text":"\u0041\n","ref":"a-1"})");
  REQUIRE(said);
  CHECK(std::get<Say>(*said).text == "A\n");
  CHECK(std::get<Say>(*said).reference == "a-1");
}

TEST_CASE("what is no message of the protocol is nothing") {
  for (const char* text : {
           "",
           "hello",
           "null",
           "[]",
           "\"join\"",
           "{",
           "{}",
           R"({"type":"join","name":"Ana"} x)",
           R"({"type":"shout","text":"x"})",
           R"({"type":1})",
           R"({"type":"join"})",
           R"({"type":"join","name":7})",
           R"({"type":"join","name":"Ana","key":null})",
           R"({"type":"say"})",
           R"({"type":"say","text":{}})",
           R"({"type":"say","text":"x","ref":"no spaces"})",
           R"({"type":"say","text":"\ud800"})",
       }) {
    CAPTURE(text);
    CHECK_FALSE(parse(text));
  }
}

TEST_CASE("deep nesting is read without harm") {
  CHECK_FALSE(parse(std::string(8000, '[')));
  CHECK_FALSE(parse(std::string(4000, '[') + std::string(4000, ']')));
}

TEST_CASE("what people wrote is escaped, and comes out as it went in") {
  const std::string text = "\"quoted\" \\ </script> \u2028 \n\t 梅";
  const auto read = json::parse(
      message({.id = 7, .from = 3, .name = "A\"", .text = text, .time_ms = 1'700'000'000'000, .reference = "r"}));
  CHECK(read["type"] == "message");
  CHECK(read["id"] == 7);
  CHECK(read["from"] == 3);
  CHECK(read["name"] == "A\"");
  CHECK(read["text"] == text);
  CHECK(read["time"] == 1'700'000'000'000);
  CHECK(read["ref"] == "r");
}

TEST_CASE("a message without a reference has no ref") {
  CHECK_FALSE(json::parse(message({.id = 1, .from = 1, .name = "A", .text = "x", .time_ms = 1, .reference = ""}))
                  .contains("ref"));
}

TEST_CASE("text that is not UTF-8 is replaced, not thrown") {
  CHECK(json::parse(message(
            {.id = 1, .from = 1, .name = "A", .text = "\xff", .time_ms = 1, .reference = ""}))["text"] == "\uFFFD");
}

TEST_CASE("a welcome has the people, the history, and nobody else's key") {
  Room room("lobby");
  room.add(member(1, "Ana"));
  Member other = member(2, "Bo");
  other.key = "of-bo";
  room.add(other);
  room.keep({.id = 9, .from = 2, .name = "Bo", .text = "hi", .time_ms = 5, .reference = ""}, 50);
  const std::string text = welcome(room, room.member(1), Limits());
  const auto read = json::parse(text);
  CHECK(read["room"] == "lobby");
  CHECK(read["you"]["id"] == 1);
  CHECK(read["key"] == "secret");
  CHECK(read["people"].size() == 2);
  CHECK(read["history"][0]["text"] == "hi");
  CHECK(read["limits"]["text"] == Limits().max_text_bytes);
  CHECK(text.find("of-bo") == std::string::npos);
}

TEST_CASE("the largest welcome fits what may wait for a reader") {
  const Limits limits;
  Room room(std::string(limits.max_room_characters, 'r'));
  std::string name;
  for (std::size_t i = 0; i < limits.max_name_characters; ++i) name += "🌊";
  for (Id id = 0; id < limits.max_people_in_room; ++id) room.add(member(id, name));
  for (std::size_t i = 0; i < limits.history; ++i) {
    room.keep({.id = Id{1} << 48,
               .from = Id{1} << 48,
               .name = name,
               .text = std::string(limits.max_text_bytes, '"'),
               .time_ms = 1'700'000'000'000,
               .reference = std::string(32, 'r')},
              limits.history);
  }
  CHECK(welcome(room, room.member(0), limits).size() < limits.max_backpressure);
}

TEST_CASE("errors have a code, words, and the reference of what they refuse") {
  for (const Refusal why : {Refusal::bad_name, Refusal::name_taken, Refusal::room_full, Refusal::too_many_rooms}) {
    const auto read = json::parse(error(why, Limits()));
    CHECK(read["type"] == "error");
    CHECK_FALSE(read["text"].get<std::string>().empty());
    CHECK_FALSE(read.contains("ref"));
  }
  CHECK(json::parse(error(Refusal::name_taken, Limits()))["code"] == "name_taken");
  CHECK(json::parse(error_empty("r"))["ref"] == "r");
  CHECK(json::parse(error_too_long("r", Limits()))["code"] == "too_long");
  const auto slow = json::parse(error_slow_down("r", std::chrono::milliseconds(500)));
  CHECK(slow["code"] == "slow_down");
  CHECK(slow["retry_ms"] == 500);
}

TEST_CASE("who left says why") {
  const auto read = json::parse(left(member(4, "Ana"), "slow", 9));
  CHECK(read["type"] == "left");
  CHECK(read["id"] == 4);
  CHECK(read["why"] == "slow");
}
