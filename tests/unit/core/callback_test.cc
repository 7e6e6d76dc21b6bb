#include <doctest/doctest.h>
#include <tidewire/core/callback.h>
#include <memory>
#include <string>
#include <utility>

using namespace tidewire;

TEST_CASE("a callback calls what it was made from, with its arguments") {
  Callback<int(int, int)> add = [](int a, int b) { return a + b; };
  CHECK(add(2, 3) == 5);
}

TEST_CASE("a callback without a target is false") {
  CHECK_FALSE(Callback<void()>());
  CHECK_FALSE(Callback<void()>(nullptr));
  CHECK(Callback<void()>([] {}));
}

TEST_CASE("a callback takes targets and arguments that only move") {
  Callback<std::unique_ptr<int>(std::unique_ptr<int>)> pass =
      [own = std::make_unique<int>(1)](std::unique_ptr<int> given) {
        *given += *own;
        return given;
      };
  CHECK(*pass(std::make_unique<int>(2)) == 3);
}

TEST_CASE("a moved callback leaves an empty one") {
  int calls = 0;
  Task one = [&calls] { ++calls; };
  Task other = std::move(one);
  CHECK_FALSE(one);
  other();
  CHECK(calls == 1);
}

TEST_CASE("a target keeps its state between calls, and ends with its callback") {
  const auto counter = std::make_shared<int>(0);
  {
    Callback<int()> next = [counter] { return ++*counter; };
    next();
    CHECK(next() == 2);
    CHECK(counter.use_count() == 2);
  }
  CHECK(counter.use_count() == 1);
}

TEST_CASE("a callback that returns nothing drops what its target returns") {
  std::string said;
  Callback<void(const char*)> say = [&said](const char* what) { return said = what; };
  say("text");
  CHECK(said == "text");
}
