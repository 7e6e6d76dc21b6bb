#include <doctest/doctest.h>
#include <tidewire/http/characters_internal.h>
#include <string>

using namespace tidewire::http::detail;

TEST_CASE("a name is matched without case, and by no other character") {
  CHECK(is_name("Host", "host"));
  CHECK(is_name("CONTENT-LENGTH", "content-length"));
  CHECK(is_name("tRANSFER-eNCODING", "transfer-encoding"));
  std::string name = "transfer-encoding";
  for (std::size_t place = 0; place < name.size(); ++place) {
    const char right = name[place];
    for (int c = 0x20; c < 256; ++c) {
      name[place] = static_cast<char>(c);
      REQUIRE(is_name(name.data(), "transfer-encoding") == (to_lower(static_cast<char>(c)) == right));
    }
    name[place] = right;
  }
}

TEST_CASE("hexadecimal digits and nothing else have a value") {
  int count = 0;
  for (int c = 0; c < 256; ++c) count += hex_value(static_cast<char>(c)) >= 0 ? 1 : 0;
  CHECK(count == 22);
  CHECK(hex_value('0') == 0);
  CHECK(hex_value('f') == 15);
  CHECK(hex_value('A') == 10);
}
