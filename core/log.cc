#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <tidewire/core/log.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <string>
#include <thread>

namespace tidewire {

namespace {

/// Whether standard error takes `PIPE_BUF` bytes without blocking.
bool stderr_takes() noexcept {
  pollfd descriptor{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  return ::poll(&descriptor, 1, 0) == 1 && descriptor.revents == POLLOUT;
}

bool write_now(std::string_view text) noexcept {
  if (!stderr_takes()) return false;
  ssize_t written = 0;
  do {
    written = ::write(STDERR_FILENO, text.data(), text.size());
  } while (written < 0 && errno == EINTR);
  // What was written in part, which no pipe does, has no second half.
  return written >= 0;
}

/// Standard error, which is the process's and so has one state in it.
struct Stderr {
  std::atomic<bool> busy{false};  // A thread of ours is writing: two at a time would count on the same room.
  std::atomic<std::uint64_t> dropped{0};
};

Stderr& standard_error() noexcept {
  static Stderr state;
  return state;
}

/// Waits for the thread that writes, which takes two system calls. Not for longer: in a child process that was forked
/// meanwhile there is none.
bool enter(std::atomic<bool>& busy) noexcept {
  for (int attempt = 0; attempt < 1000; ++attempt) {
    if (!busy.exchange(true, std::memory_order_acquire)) return true;
    std::this_thread::yield();
  }
  return false;
}

/// "2026-01-31T12:00:00Z warning line", in one write.
std::string log_line(LogLevel level, std::string_view line) {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 32> when{};
  const std::size_t length = std::strftime(when.data(), when.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  std::string text(when.data(), length);
  text.append(" ").append(name(level)).append(" ");
  // What a peer sent may be in the line: it must not be able to write a second one, or to drive a terminal.
  const std::size_t room = PIPE_BUF - 1 - text.size();
  for (const char c : line.substr(0, room)) text.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c);
  text.push_back('\n');
  return text;
}

}  // namespace

std::string_view name(LogLevel level) noexcept {
  constexpr std::array<std::string_view, 4> names{"debug", "info", "warning", "error"};
  return names[std::min<std::size_t>(static_cast<std::size_t>(level), names.size() - 1)];
}

void log_to_stderr(LogLevel level, std::string_view line) {
  if (level == LogLevel::debug) return;
  const std::string text = log_line(level, line);
  Stderr& out = standard_error();
  if (!enter(out.busy)) {
    ++out.dropped;
    return;
  }
  const std::uint64_t dropped = out.dropped.exchange(0);
  const bool counted =
      dropped == 0 || write_now(log_line(LogLevel::warning, std::to_string(dropped) +
                                                                (dropped == 1 ? " log line was" : " log lines were") +
                                                                " dropped: standard error did not take them"));
  if (!counted) out.dropped += dropped;
  if (!counted || !write_now(text)) ++out.dropped;
  out.busy.store(false, std::memory_order_release);
}

}  // namespace tidewire
