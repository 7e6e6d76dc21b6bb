#include <doctest/doctest.h>

#include <chat/text.h>
#include <string>

using namespace chat;

TEST_CASE("a name keeps letters of any script, and emoji with their joiners") {
  CHECK(clean_name("Ana", 24) == "Ana");
  CHECK(clean_name("Zoë 梅", 24) == "Zoë 梅");
  CHECK(clean_name("👩‍🚀", 24) == "👩‍🚀");
}

TEST_CASE("white space in a name becomes single spaces, and none at the ends") {
  CHECK(clean_name(" \t Ana\u00A0 \n Maria\u3000", 24) == "Ana Maria");
}

TEST_CASE("control characters, direction marks and invisible characters are left out of a name") {
  CHECK(clean_name(std::string("A\0n\x1b\u0085a\u202E\u200B\u2066\uFEFF", 19), 24) == "An a");
  CHECK(clean_name("\u202EAna\u200F", 24) == "Ana");
}

TEST_CASE("a name without a visible character is none") {
  CHECK_FALSE(clean_name("", 24));
  CHECK_FALSE(clean_name(" \t\u2003", 24));
  CHECK_FALSE(clean_name("\u200D\uFE0F", 24));
  CHECK_FALSE(clean_name("\u3164", 24));
}

TEST_CASE("a name's length is counted in characters, not in bytes") {
  const std::string four = "梅梅梅梅";
  CHECK(clean_name(four, 4) == four);
  CHECK_FALSE(clean_name(four, 3));
  CHECK_FALSE(clean_name("a b c", 4));
  CHECK(clean_name("   abcd   ", 4) == "abcd");
}

TEST_CASE("names that look the same have the same key") {
  CHECK(name_key("ANA") == name_key("ana"));
  CHECK(name_key("An\u200Da") == name_key("Ana"));
  CHECK(name_key("Ana\uFE0F") == name_key("Ana"));
  CHECK(name_key("Ana") != name_key("Anna"));
}

TEST_CASE("a text keeps its lines and tabs, with one spelling of line ends") {
  CHECK(clean_text("one\r\ntwo\rthree\n\tfour") == "one\ntwo\nthree\n\tfour");
}

TEST_CASE("more than one empty line becomes one") { CHECK(clean_text("a\n\n\n\n\r\n\r\nb") == "a\n\nb"); }

TEST_CASE("control characters are left out of a text, and white space at its end") {
  CHECK(clean_text(std::string("a\0b\x07\u009Bc \t\n", 10)) == "abc");
  CHECK(clean_text(" \n\t ").empty());
  CHECK(clean_text("").empty());
}

TEST_CASE("a text that breaks off in a character is read to its end and no further") {
  CHECK(clean_text("a\xE6\xA2").starts_with("a"));
  CHECK(clean_name("a\xF0", 24).has_value());
}

TEST_CASE("a room's name has lower-case letters, digits, - and _, and begins with none of the signs") {
  CHECK(is_room_name("lobby", 32));
  CHECK(is_room_name("a-room_2", 32));
  CHECK(is_room_name("2", 32));
  CHECK_FALSE(is_room_name("", 32));
  CHECK_FALSE(is_room_name("-a", 32));
  CHECK_FALSE(is_room_name("_a", 32));
  CHECK_FALSE(is_room_name("Lobby", 32));
  CHECK_FALSE(is_room_name("a b", 32));
  CHECK_FALSE(is_room_name("a/b", 32));
  CHECK_FALSE(is_room_name("caf\u00e9", 32));
}

TEST_CASE("a room's name is bounded") {
  CHECK(is_room_name(std::string(32, 'a'), 32));
  CHECK_FALSE(is_room_name(std::string(33, 'a'), 32));
}

TEST_CASE("a reference has 1 to 32 letters, digits, - and _") {
  CHECK(is_reference("aZ0-_"));
  CHECK(is_reference(std::string(32, 'x')));
  CHECK_FALSE(is_reference(""));
  CHECK_FALSE(is_reference(std::string(33, 'x')));
  CHECK_FALSE(is_reference("a b"));
  CHECK_FALSE(is_reference("a\""));
}
