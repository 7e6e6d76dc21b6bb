#include <doctest/doctest.h>
#include <tidewire/tls/server_names.h>
#include <string>

using namespace tidewire::tls;

TEST_CASE("only ASCII letters are lowered") {
  CHECK(lower_case("ExAmple.ORG-9_") == "example.org-9_");
  CHECK(lower_case("BÜCHER") == "bÜcher");
}

TEST_CASE("host names are labels with dots between") {
  for (const char* good : {"a", "example.org", "EXAMPLE.org", "a-b.c_d.9", "xn--bcher-kva.example", "127.0.0.1"}) {
    CAPTURE(good);
    CHECK(is_host_name(good));
  }
  for (const char* bad :
       {"", ".", "a.", ".a", "a..b", "a b", "a/b", "../etc", "a:1", "*.a", "[::1]", "bücher", "a\n"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_host_name(bad));
  }
  CHECK_FALSE(is_host_name(std::string_view("a\0b", 3)));
}

TEST_CASE("a label has at most 63 bytes, and a name 253") {
  const std::string label(63, 'a');
  CHECK(is_host_name(label));
  CHECK_FALSE(is_host_name(label + "a"));
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'a');
  CHECK(longest.size() == 253);
  CHECK(is_host_name(longest));
  CHECK_FALSE(is_host_name(longest + "a"));
}

TEST_CASE("a server name may begin with a wildcard, and has none elsewhere") {
  CHECK(is_server_name("*.example.org"));
  CHECK(is_server_name("example.org"));
  for (const char* bad : {"*", "*.", "**.a", "*a.b", "a*.b", "a.*", "*.*.a"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_server_name(bad));
  }
}

TEST_CASE("an exact name is found before a wildcard, which stands for one label") {
  ServerNames names;
  names.add("*.example.org", 1);
  names.add("www.example.org", 2);
  names.add("example.org", 3);
  CHECK(names.find("www.example.org") == 2);
  CHECK(names.find("api.example.org") == 1);
  CHECK(names.find("example.org") == 3);
  CHECK_FALSE(names.find("a.b.example.org"));
  CHECK_FALSE(names.find("org"));
  CHECK_FALSE(names.find(""));
  CHECK_FALSE(names.find(".example.org"));
  CHECK_FALSE(names.find("other.net"));
}

TEST_CASE("a name that is added again stays whose it was") {
  ServerNames names;
  names.add("a.b", 1);
  names.add("a.b", 2);
  names.add("*.c", 1);
  names.add("*.c", 2);
  CHECK(names.find("a.b") == 1);
  CHECK(names.find("x.c") == 1);
}
