#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <doctest/doctest.h>
#include <tidewire/core/log.h>
#include <algorithm>
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

namespace {

/// Standard error as a pipe that is read when the test says so.
class UnreadStderr {
 public:
  UnreadStderr() {
    REQUIRE(::pipe(ends_.data()) == 0);
    saved_ = ::dup(STDERR_FILENO);
    ::dup2(ends_[1], STDERR_FILENO);
  }
  UnreadStderr(const UnreadStderr&) = delete;
  UnreadStderr& operator=(const UnreadStderr&) = delete;
  ~UnreadStderr() {
    ::dup2(saved_, STDERR_FILENO);
    for (const int descriptor : {saved_, ends_[0], ends_[1]}) ::close(descriptor);
  }
  /// All that is in the pipe.
  [[nodiscard]] std::string read() const {
    const int flags = ::fcntl(ends_[0], F_GETFL);
    ::fcntl(ends_[0], F_SETFL, flags | O_NONBLOCK);
    std::string all;
    std::array<char, 4096> piece{};
    for (ssize_t size = 0; (size = ::read(ends_[0], piece.data(), piece.size())) > 0;) {
      all.append(piece.data(), static_cast<std::size_t>(size));
    }
    return all;
  }
  [[nodiscard]] int flags() const { return ::fcntl(ends_[1], F_GETFL); }

 private:
  std::array<int, 2> ends_{};
  int saved_ = -1;
};

}  // namespace

TEST_CASE("a standard error that is not read does not block, and what it did not take is counted") {
  const UnreadStderr out;
  const int flags = out.flags();
  const std::string line(3000, 'x');
  for (int count = 0; count < 100; ++count) log_to_stderr(LogLevel::info, line);
  const std::string taken = out.read();
  const auto lines = static_cast<int>(std::count(taken.begin(), taken.end(), '\n'));
  CHECK(lines < 100);
  CHECK(taken.ends_with("x\n"));
  log_to_stderr(LogLevel::info, "after");
  const std::string later = out.read();
  const std::string count = " warning " + std::to_string(100 - lines) + " log lines were dropped";
  CHECK(later.find(count) != std::string::npos);
  CHECK(later.ends_with(" info after\n"));
  log_to_stderr(LogLevel::info, "once more");
  CHECK(out.read().find("dropped") == std::string::npos);
  CHECK(out.flags() == flags);
}

TEST_CASE("a line is cut to what a pipe takes as a whole") {
  const UnreadStderr out;
  log_to_stderr(LogLevel::info, std::string(100'000, 'x'));
  const std::string line = out.read();
  CHECK(line.size() == PIPE_BUF);
  CHECK(line.ends_with("x\n"));
}

TEST_CASE("a standard error that is closed takes nothing") {
  const int saved = ::dup(STDERR_FILENO);
  ::close(STDERR_FILENO);
  log_to_stderr(LogLevel::error, "unheard");
  ::dup2(saved, STDERR_FILENO);
  ::close(saved);
  // The count of it is not left for the other tests.
  CHECK(on_stderr([] { log_to_stderr(LogLevel::error, "heard"); }).find("1 log line was dropped") != std::string::npos);
}
