#include <unistd.h>

#include <doctest/doctest.h>
#include <tidewire/core/log.h>
#include <array>
#include <cstdio>
#include <functional>
#include <string>

using namespace tidewire;

namespace {

/// What `act` writes to standard error.
std::string on_stderr(const std::function<void()>& act) {
  std::fflush(stderr);
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const int saved = ::dup(STDERR_FILENO);
  ::dup2(ends[1], STDERR_FILENO);
  act();
  std::fflush(stderr);
  ::dup2(saved, STDERR_FILENO);
  ::close(saved);
  ::close(ends[1]);
  std::array<char, 4096> text{};
  const ssize_t size = ::read(ends[0], text.data(), text.size());
  ::close(ends[0]);
  return {text.data(), static_cast<std::size_t>(size)};
}

}  // namespace

TEST_CASE("every level has a name") {
  CHECK(name(LogLevel::debug) == "debug");
  CHECK(name(LogLevel::info) == "info");
  CHECK(name(LogLevel::warning) == "warning");
  CHECK(name(LogLevel::error) == "error");
}

TEST_CASE("the default sink writes time, level and line to standard error") {
  const std::string line = on_stderr([] { log_to_stderr(LogLevel::warning, "something odd"); });
  REQUIRE(line.size() > 21);
  CHECK(line[4] == '-');
  CHECK(line[10] == 'T');
  CHECK(line[19] == 'Z');
  CHECK(line.substr(20) == " warning something odd\n");
}

TEST_CASE("the default sink leaves out debug lines") {
  CHECK(on_stderr([] { log_to_stderr(LogLevel::debug, "details"); }).empty());
}

TEST_CASE("what a peer put into a line cannot start another or drive a terminal") {
  const std::string line = on_stderr([] { log_to_stderr(LogLevel::info, "a\nb\r\x1b[2J\x7f"); });
  CHECK(line.ends_with(" info a?b??[2J?\n"));
}
