#include <doctest/doctest.h>
#include <tidewire/core/log_limit.h>
#include <stdexcept>
#include <string>
#include <vector>

using namespace tidewire;

namespace {

/// A loop whose lines are kept.
struct Logged {
  Logged() {
    loop.set_log_sink([this](LogLevel level, std::string_view line) {
      lines.push_back(std::string(name(level)) + " " + std::string(line));
    });
  }
  std::vector<std::string> lines;
  Loop loop;
};

}  // namespace

TEST_CASE("the first lines of a kind are written, the others counted, and another kind has its own count") {
  Logged logged;
  int made = 0;
  for (unsigned line = 0; line < LogLimit::lines_per_window + 5; ++line) {
    log_limited(logged.loop, LogLevel::info, "handshake failed", [&] { return "peer " + std::to_string(++made); });
  }
  CHECK(made == LogLimit::lines_per_window);
  CHECK(logged.lines.size() == LogLimit::lines_per_window);
  CHECK(logged.lines.back() == "info peer 10");
  log_limited(logged.loop, LogLevel::error, "no answer");
  CHECK(logged.lines.back() == "error no answer");
}

TEST_CASE("what was suppressed is summed up when the window ends, at the highest of its levels") {
  Logged logged;
  for (unsigned line = 0; line < LogLimit::lines_per_window; ++line) log_limited(logged.loop, LogLevel::info, "lost");
  log_limited(logged.loop, LogLevel::error, "lost");
  log_limited(logged.loop, LogLevel::info, "lost");
  logged.loop.local<LogLimit>().end_windows();
  CHECK(logged.lines.size() == LogLimit::lines_per_window + 1);
  CHECK(logged.lines.back() == "error 2 more lines like this in the last 10 s: lost");
  log_limited(logged.loop, LogLevel::info, "lost");
  CHECK(logged.lines.back() == "info lost");
}

TEST_CASE("nothing is summed up where nothing was suppressed") {
  Logged logged;
  log_limited(logged.loop, LogLevel::info, "lost");
  logged.loop.local<LogLimit>().end_windows();
  CHECK(logged.lines.size() == 1);
}

TEST_CASE("a line that cannot be made is logged as that") {
  Logged logged;
  log_limited(logged.loop, LogLevel::info, "odd", []() -> std::string { throw std::runtime_error("on purpose"); });
  CHECK(logged.lines == std::vector<std::string>{"error exception in a log line: on purpose"});
}

TEST_CASE("a task that throws again and again does not fill the log") {
  Logged logged;
  for (unsigned task = 0; task < 2 * LogLimit::lines_per_window; ++task) {
    logged.loop.post([] { throw std::runtime_error("on purpose"); });
  }
  logged.loop.run();
  CHECK(logged.lines.size() == LogLimit::lines_per_window);
  logged.loop.local<LogLimit>().end_windows();
  CHECK(logged.lines.back() == "error 10 more lines like this in the last 10 s: posted task");
}
