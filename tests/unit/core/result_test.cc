#include <doctest/doctest.h>
#include <tidewire/core/result.h>
#include <memory>
#include <string>

using namespace tidewire;

namespace {

Result<int> parsed(int value) { return value; }
Result<int> failed() { return Error{Errc::invalid_argument, "number"}; }
Result<int> halved(int value) {
  if (value % 2 != 0) return Error{Errc::refused, "odd"};
  return value / 2;
}

}  // namespace

TEST_CASE("a result made of a value holds it") {
  const Result<int> result = parsed(7);
  CHECK(result.has_value());
  CHECK(static_cast<bool>(result));
  CHECK(*result == 7);
  CHECK(result.value() == 7);
}

TEST_CASE("a result made of an error holds that error and no value") {
  const Result<int> result = failed();
  CHECK_FALSE(result.has_value());
  CHECK(result.error().code == Errc::invalid_argument);
  CHECK(result.error().detail == "number");
}

TEST_CASE("the value of a result that has none throws a Failure with the error's code") {
  const Result<int> result = failed();
  CHECK_THROWS_AS(result.value(), Failure);
  try {
    static_cast<void>(result.value());
  } catch (const Failure& failure) {
    CHECK(failure.code() == Errc::invalid_argument);
  }
}

TEST_CASE("a value that can only be moved is moved in and out") {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(3);
  const std::unique_ptr<int> out = std::move(result).value();
  CHECK(*out == 3);
}

TEST_CASE("a value converts on the way in") {
  const Result<std::string> result = "tide";
  CHECK(result->size() == 4);
}

TEST_CASE("value_or gives the fallback only when there is an error") {
  CHECK(parsed(7).value_or(1) == 7);
  CHECK(failed().value_or(1) == 1);
}

TEST_CASE("and_then calls on with the value, and gives what the call gives") {
  CHECK(*parsed(8).and_then(halved) == 4);
  CHECK(parsed(7).and_then(halved).error().detail == "odd");
}

TEST_CASE("and_then passes an error on and does not call") {
  bool called = false;
  const auto result = failed().and_then([&](int value) {
    called = true;
    return parsed(value);
  });
  CHECK_FALSE(called);
  CHECK(result.error().detail == "number");
}

TEST_CASE("transform wraps what the function gives") {
  CHECK(*parsed(7).transform([](int value) { return std::to_string(value); }) == "7");
}

TEST_CASE("transform passes an error on and does not call") {
  bool called = false;
  const auto result = failed().transform([&](int value) {
    called = true;
    return value;
  });
  CHECK_FALSE(called);
  CHECK(result.error().code == Errc::invalid_argument);
}

TEST_CASE("a result without a value type succeeds by default") {
  const Result<void> result;
  CHECK(result.has_value());
  CHECK_NOTHROW(result.value());
}

TEST_CASE("a result without a value type carries an error, and value() throws it") {
  const Result<void> result = Error{Errc::closed, "stream"};
  CHECK_FALSE(result.has_value());
  CHECK(result.error().detail == "stream");
  CHECK_THROWS_AS(result.value(), Failure);
}

TEST_CASE("a result without a value type calls on only when it succeeded") {
  CHECK(*Result<void>().and_then([] { return parsed(2); }) == 2);
  const auto stopped = Result<void>(Error{Errc::closed, {}}).and_then([] { return parsed(2); });
  CHECK(stopped.error().code == Errc::closed);
}
