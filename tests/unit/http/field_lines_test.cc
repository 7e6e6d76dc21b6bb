#include <doctest/doctest.h>
#include <tidewire/http/field_lines.h>
#include <string>

using namespace tidewire;
using namespace tidewire::http;

TEST_CASE("fields are kept as the lines that are sent") {
  FieldLines lines;
  CHECK(lines.set("Content-Type", "text/plain"));
  CHECK(lines.set("X-Empty", ""));
  CHECK(lines.text() == "Content-Type: text/plain\r\nX-Empty: \r\n");
  CHECK(lines.find("content-type") == "text/plain");
  CHECK(lines.contains("x-empty"));
  CHECK_FALSE(lines.contains("x-none"));
}

TEST_CASE("a line that is known to be good is one like the others") {
  FieldLines fields;
  CHECK(!fields.contains("content-type"));
  fields.add_known("Content-Type: text/plain\r\n");
  CHECK(fields.contains("content-type"));
  CHECK(fields.find("Content-Type") == "text/plain");
  CHECK(fields.remove("Content-Type"));
  CHECK(fields.empty());
}

TEST_CASE("setting replaces every field of the name, adding does not") {
  FieldLines lines;
  CHECK(lines.add("Set-Cookie", "a=1"));
  CHECK(lines.add("X", "between"));
  CHECK(lines.add("set-cookie", "b=2"));
  CHECK(lines.text() == "Set-Cookie: a=1\r\nX: between\r\nset-cookie: b=2\r\n");
  CHECK(lines.set("SET-COOKIE", "c=3"));
  CHECK(lines.text() == "X: between\r\nSET-COOKIE: c=3\r\n");
}

TEST_CASE("removing says whether there was one") {
  FieldLines lines;
  CHECK(lines.add("A", "1"));
  CHECK(lines.add("B", "2"));
  CHECK(lines.remove("a"));
  CHECK_FALSE(lines.remove("a"));
  CHECK(lines.text() == "B: 2\r\n");
}

TEST_CASE("a name is not found in a value") {
  FieldLines lines;
  CHECK(lines.add("X", "Y: 1"));
  CHECK_FALSE(lines.contains("Y"));
  CHECK(lines.find("x") == "Y: 1");
}

TEST_CASE("a value can't split the response") {
  FieldLines lines;
  for (const std::string_view value :
       {std::string_view("a\r\nSet-Cookie: x=y"), std::string_view("a\rb"), std::string_view("a\nb"),
        std::string_view("a\0b", 3), std::string_view("a\x7f"), std::string_view("\x1b[0m"), std::string_view(" a")}) {
    const Result<void> set = lines.set("X", value);
    REQUIRE_FALSE(set);
    CHECK(set.error().code == Errc::invalid_argument);
    CHECK_FALSE(lines.add("X", value));
  }
  CHECK(lines.empty());
}

TEST_CASE("a name can't split the response") {
  FieldLines lines;
  for (const std::string_view name : {"", "a b", "a:", "a\r\nb", "caf\xc3\xa9"}) {
    CHECK_FALSE(lines.set(name, "x"));
    CHECK_FALSE(lines.add(name, "x"));
  }
  CHECK(lines.empty());
}

TEST_CASE("a refused value leaves the field as it was") {
  FieldLines lines;
  CHECK(lines.set("X", "good"));
  CHECK_FALSE(lines.set("X", "bad\r\n"));
  CHECK(lines.find("X") == "good");
}

TEST_CASE("the framing fields are the connection's") {
  FieldLines lines;
  for (const std::string_view name : {"Content-Length", "transfer-encoding", "CONNECTION", "Trailer"}) {
    CAPTURE(name);
    CHECK_FALSE(lines.set(name, "5"));
    CHECK_FALSE(lines.add(name, "5"));
  }
}

TEST_CASE("it knows about Date and Server") {
  FieldLines lines;
  CHECK(lines.set("date", "x"));
  CHECK(lines.add("SERVER", "x"));
  CHECK(lines.has_date());
  CHECK(lines.has_server());
  lines.remove("Date");
  CHECK_FALSE(lines.has_date());
  CHECK(lines.has_server());
  lines.clear();
  CHECK_FALSE(lines.has_server());
  CHECK(lines.empty());
}
