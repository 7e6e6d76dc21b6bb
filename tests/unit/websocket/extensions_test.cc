#include <doctest/doctest.h>
#include <tidewire/websocket/extensions.h>
#include <string>

using namespace tidewire;
using namespace tidewire::websocket;

namespace {

std::vector<Extension> parse(std::string_view line) {
  std::vector<Extension> extensions;
  parse_extensions(line, extensions).value();
  return extensions;
}

bool refused(std::string_view line) {
  std::vector<Extension> extensions;
  const auto parsed = parse_extensions(line, extensions);
  return !parsed && parsed.error().code == Errc::protocol_error;
}

}  // namespace

TEST_CASE("an extension without parameters") {
  const auto extensions = parse("permessage-deflate");
  REQUIRE(extensions.size() == 1);
  CHECK(extensions[0].name == "permessage-deflate");
  CHECK(extensions[0].parameters.empty());
}

TEST_CASE("several extensions with parameters keep their order") {
  const auto extensions =
      parse("permessage-deflate; client_max_window_bits; server_max_window_bits=10, x;a=b,permessage-deflate");
  REQUIRE(extensions.size() == 3);
  REQUIRE(extensions[0].parameters.size() == 2);
  CHECK(extensions[0].parameters[0].name == "client_max_window_bits");
  CHECK_FALSE(extensions[0].parameters[0].value);
  CHECK(extensions[0].parameters[1].name == "server_max_window_bits");
  CHECK(extensions[0].parameters[1].value == "10");
  CHECK(extensions[1].name == "x");
  CHECK(extensions[2].name == "permessage-deflate");
}

TEST_CASE("a repeated parameter is kept for its extension to judge") {
  const auto extensions = parse("x; a=1; a=2");
  REQUIRE(extensions.at(0).parameters.size() == 2);
  CHECK(extensions[0].parameters[0].value == "1");
  CHECK(extensions[0].parameters[1].value == "2");
}

TEST_CASE("white space around separators is optional") {
  const auto extensions = parse(" \tx ;\ta = 1 , y\t");
  REQUIRE(extensions.size() == 2);
  CHECK(extensions[0].parameters.at(0).name == "a");
  CHECK(extensions[0].parameters.at(0).value == "1");
  CHECK(extensions[1].name == "y");
}

TEST_CASE("empty elements of the list are ignored") {
  CHECK(parse("").empty());
  CHECK(parse(" , ,, ").empty());
  CHECK(parse(",x,,y,").size() == 2);
}

TEST_CASE("a quoted value is a token in quotes") {
  CHECK(parse("x; a=\"10\"").at(0).parameters.at(0).value == "10");
  CHECK(parse("x; a=\"1\\0\"").at(0).parameters.at(0).value == "10");
}

TEST_CASE("a quoted value that is no token is refused") {
  CHECK(refused("x; a=\"\""));
  CHECK(refused("x; a=\"1 0\""));
  CHECK(refused("x; a=\"1,0\""));
  CHECK(refused("x; a=\"1\\\"0\""));
}

TEST_CASE("a quoted value that doesn't end is refused") {
  CHECK(refused("x; a=\"10"));
  CHECK(refused("x; a=\"10\\"));
  CHECK(refused("x; a=\""));
}

TEST_CASE("bad grammar is refused") {
  for (const char* line : {";", "x;", "x;;a", "x; =1", "x; a=", "x; a=1=2", "x y", "x; a b", "x; a=\"1\"b", "\"x\"",
                           "x=1", "=", "x; a=1 2", "\x7F", "x\xC3\xA9", "x; (a)", "x/y", "__proto__; a=[1]"}) {
    CAPTURE(line);
    CHECK(refused(line));
  }
}

TEST_CASE("odd names are names") { CHECK(parse("__proto__; constructor=toString").at(0).name == "__proto__"); }

TEST_CASE("more extensions than the bound are refused, over all lines together") {
  std::vector<Extension> extensions;
  for (std::size_t i = 0; i < max_extensions; ++i) REQUIRE(parse_extensions("x", extensions));
  const auto parsed = parse_extensions("x", extensions);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code == Errc::too_large);
  CHECK(extensions.size() == max_extensions);
}

TEST_CASE("10,000 offers stop at the bound") {
  std::string line;
  for (int i = 0; i < 10'000; ++i) line += "permessage-deflate; a=1,";
  std::vector<Extension> extensions;
  const auto parsed = parse_extensions(line, extensions);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code == Errc::too_large);
  CHECK(extensions.size() == max_extensions);
}

TEST_CASE("10,000 parameters stop at the bound") {
  std::string line = "x";
  for (int i = 0; i < 10'000; ++i) line += ";a";
  std::vector<Extension> extensions;
  const auto parsed = parse_extensions(line, extensions);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code == Errc::too_large);
}

TEST_CASE("what is formatted is parsed back") {
  const std::string line = "permessage-deflate; server_no_context_takeover; client_max_window_bits=12, x";
  CHECK(format_extensions(parse(line)) == line);
  CHECK(format_extensions({}) == "");
}
