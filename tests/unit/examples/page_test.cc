#include <doctest/doctest.h>

#include <chat/page.h>

using namespace chat;

TEST_CASE("a tag is found in a list, weak or strong") {
  CHECK(names_etag("\"a\"", "\"a\""));
  CHECK(names_etag("\"b\" ,\tW/\"a\"", "\"a\""));
  CHECK(names_etag("*", "\"a\""));
}

TEST_CASE("another tag is not") {
  CHECK_FALSE(names_etag("", "\"a\""));
  CHECK_FALSE(names_etag("\"b\"", "\"a\""));
  CHECK_FALSE(names_etag("a", "\"a\""));
  CHECK_FALSE(names_etag(",,", "\"a\""));
}

TEST_CASE("a folder without the page is an error that names the file") {
  const auto page = Page::load("/nowhere");
  REQUIRE_FALSE(page);
  CHECK(page.error().message().find("/nowhere/index.html") != std::string::npos);
}
