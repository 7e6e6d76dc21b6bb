#include <doctest/doctest.h>
#include <tidewire/transport/attempt.h>
#include <new>
#include <stdexcept>

using namespace tidewire;
using transport::attempt;

TEST_CASE("an attempt that returns has no error") {
  CHECK_FALSE(attempt([] {}).has_value());
}

TEST_CASE("a lack of memory is the error not_enough_memory") {
  const auto error = attempt([] { throw std::bad_alloc(); });
  REQUIRE(error);
  CHECK(error->code == std::errc::not_enough_memory);
}

TEST_CASE("an exception is an error that says what it said") {
  const auto error = attempt([] { throw std::runtime_error("on purpose"); });
  REQUIRE(error);
  CHECK(error->code == Errc::exception);
  CHECK(error->detail == "on purpose");
}

TEST_CASE("whatever else is thrown is an error, too") {
  const auto error = attempt([] { throw 42; });
  REQUIRE(error);
  CHECK(error->code == Errc::exception);
}
