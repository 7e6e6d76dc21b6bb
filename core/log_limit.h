#pragma once

#include <tidewire/core/export.h>
#include <tidewire/core/loop.h>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace tidewire {

/// Limits how many log lines of a kind a loop writes, so that a peer cannot fill a disk by causing them.
///
/// The first `lines_per_window` lines of a kind within `window` are written; the window begins with the first of
/// them. The others are counted, and one line at the end of the window sums them up: "1204 more lines like this in
/// the last 10 s: TLS handshake failed". A suppressed line costs a lookup and allocates nothing.
///
/// One for a loop, and for its thread alone. Use it through `log_limited`.
class TIDEWIRE_API LogLimit {
 public:
  static constexpr unsigned lines_per_window = 10;
  static constexpr std::chrono::seconds window{10};

  explicit LogLimit(Loop& loop) noexcept;
  LogLimit(const LogLimit&) = delete;
  LogLimit& operator=(const LogLimit&) = delete;
  ~LogLimit();

  /// Ends the windows that are under way, and sums up what they have suppressed.
  void end_windows() noexcept;

  /// Whether a line of `kind` may be written to `loop`'s log now; if not, it is counted. `kind` is a string literal,
  /// of which a program has few: it is kept, compared by its text, and names the lines in the sum. True if there is
  /// no memory to count with.
  [[nodiscard]] static bool admit(Loop& loop, LogLevel level, std::string_view kind) noexcept;

 private:
  class Kind;

  bool count(LogLevel level, std::string_view kind);

  Loop& loop_;
  std::vector<std::unique_ptr<Kind>> kinds_;
};

/// Logs the line that `make` returns, unless too many of its `kind` were logged lately; `make` is not called then.
/// For each line that a peer can cause, directly or through the application. On the loop's thread.
template <class Make>
requires std::is_invocable_v<Make>
void log_limited(Loop& loop, LogLevel level, std::string_view kind, Make&& make) noexcept {
  if (LogLimit::admit(loop, level, kind)) loop.guard("log line", [&] { loop.log(level, std::forward<Make>(make)()); });
}

/// The same for a line that is always the same, and so a kind of its own.
inline void log_limited(Loop& loop, LogLevel level, std::string_view line) noexcept {
  if (LogLimit::admit(loop, level, line)) loop.log(level, line);
}

}  // namespace tidewire
