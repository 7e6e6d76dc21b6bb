#include <doctest/doctest.h>
#include <tidewire/core/error.h>
#include <cerrno>
#include <set>
#include <string>

using namespace tidewire;

TEST_CASE("an error's message is its detail, then what the code means") {
  CHECK(Error{Errc::timeout, "request head"}.message() == "request head: deadline passed");
}

TEST_CASE("an error without a detail says what the code means") {
  CHECK(Error{Errc::closed, {}}.message() == "closed");
}

TEST_CASE("every code has a message of its own") {
  std::set<std::string> messages;
  for (const Errc code :
       {Errc::invalid_argument, Errc::invalid_configuration, Errc::closed, Errc::timeout, Errc::protocol_error,
        Errc::too_large, Errc::refused, Errc::exception, Errc::untrusted, Errc::truncated, Errc::misuse}) {
    messages.insert(make_error_code(code).message());
  }
  CHECK(messages.size() == 11);
}

TEST_CASE("a number that is no code still has a message, which names it") {
  CHECK(error_category().message(4711) == "unknown error 4711");
}

TEST_CASE("a code compares equal to its enumerator and to no other") {
  const std::error_code code = Errc::refused;
  CHECK(code == Errc::refused);
  CHECK(code != Errc::closed);
  CHECK(std::string(code.category().name()) == "tidewire");
}

TEST_CASE("a system error compares equal to std::errc and keeps its detail") {
  const Error error = Error::system(-EADDRINUSE, "127.0.0.1:80");
  CHECK(error.code == std::errc::address_in_use);
  CHECK(error.message().starts_with("127.0.0.1:80: "));
}

TEST_CASE("the category is one object, so that codes compare by it") {
  CHECK(&error_category() == &make_error_code(Errc::closed).category());
}

TEST_CASE("a Failure carries the error's code and detail to whoever catches it") {
  try {
    throw Failure(Error{Errc::too_large, "body"});
  } catch (const std::system_error& caught) {
    CHECK(caught.code() == Errc::too_large);
    CHECK(std::string(caught.what()).starts_with("body"));
  }
}
