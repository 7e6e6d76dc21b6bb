#include <tidewire/core/log_limit.h>
#include <algorithm>
#include <new>
#include <string>

namespace tidewire {

/// A kind of line, and its window: armed while it is under way.
class LogLimit::Kind final : public Deadline {
 public:
  Kind(Loop& loop, std::string_view name) noexcept : loop_(loop), name_(name) {}
  ~Kind() override = default;
  Kind(const Kind&) = delete;
  Kind& operator=(const Kind&) = delete;

  [[nodiscard]] std::string_view name() const noexcept { return name_; }

  bool count(LogLevel level) noexcept {
    if (!armed()) {
      written_ = 0;
      loop_.arm(*this, window);
    }
    if (written_ < lines_per_window) {
      ++written_;
      return true;
    }
    ++suppressed_;
    level_ = std::max(level_, level);
    return false;
  }

  void end_window() noexcept {
    loop_.disarm(*this);
    const std::uint64_t lines = std::exchange(suppressed_, 0);
    const LogLevel level = std::exchange(level_, LogLevel::debug);
    if (lines == 0) return;
    loop_.guard("log line", [&] {
      std::string line = std::to_string(lines);
      line.append(lines == 1 ? " more line" : " more lines").append(" like this in the last ");
      line.append(std::to_string(window.count())).append(" s: ").append(name_);
      loop_.log(level, line);
    });
  }

 private:
  void on_deadline() noexcept override { end_window(); }

  Loop& loop_;
  const std::string_view name_;
  unsigned written_ = 0;
  std::uint64_t suppressed_ = 0;
  LogLevel level_ = LogLevel::debug;  // The highest of what was suppressed.
};

LogLimit::LogLimit(Loop& loop) noexcept : loop_(loop) {}
LogLimit::~LogLimit() = default;

void LogLimit::end_windows() noexcept {
  for (const auto& kind : kinds_) kind->end_window();
}

bool LogLimit::admit(Loop& loop, LogLevel level, std::string_view kind) noexcept {
  try {
    return loop.local<LogLimit>().count(level, kind);
  } catch (const std::bad_alloc&) {
    return true;
  }
}

bool LogLimit::count(LogLevel level, std::string_view kind) {
  auto found = std::ranges::find(kinds_, kind, [](const auto& known) { return known->name(); });
  if (found == kinds_.end()) found = kinds_.insert(found, std::make_unique<Kind>(loop_, kind));
  return (*found)->count(level);
}

}  // namespace tidewire
