#include <doctest/doctest.h>
#include <tidewire/http/method.h>

using namespace tidewire::http;

TEST_CASE("every registered method has a text that names it again") {
  for (int i = 1; i <= static_cast<int>(Method::version_control); ++i) {
    const auto method = static_cast<Method>(i);
    CAPTURE(i);
    CHECK_FALSE(text_of(method).empty());
    CHECK(method_from(text_of(method)) == method);
  }
}

TEST_CASE("the common methods are named as on the wire") {
  CHECK(text_of(Method::get) == "GET");
  CHECK(text_of(Method::delete_) == "DELETE");
  CHECK(text_of(Method::patch) == "PATCH");
  CHECK(text_of(Method::options) == "OPTIONS");
  CHECK(text_of(Method::query) == "QUERY");
}

TEST_CASE("methods compare with case") {
  CHECK(method_from("get") == Method::other);
  CHECK(method_from("Get") == Method::other);
}

TEST_CASE("an unknown token is another method without a text of its own") {
  CHECK(method_from("BREW") == Method::other);
  CHECK(method_from("GETX") == Method::other);
  CHECK(method_from("") == Method::other);
  CHECK(text_of(Method::other).empty());
}
