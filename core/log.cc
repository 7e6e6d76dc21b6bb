#include <tidewire/core/log.h>
#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <string>

namespace tidewire {

std::string_view name(LogLevel level) noexcept {
  constexpr std::array<std::string_view, 4> names{"debug", "info", "warning", "error"};
  return names[std::min<std::size_t>(static_cast<std::size_t>(level), names.size() - 1)];
}

void log_to_stderr(LogLevel level, std::string_view line) {
  if (level == LogLevel::debug) return;
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 32> when{};
  const std::size_t length = std::strftime(when.data(), when.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  std::string text(when.data(), length);
  text.append(" ").append(name(level)).append(" ");
  // What a peer sent may be in the line: it must not be able to write a second one, or to drive a terminal.
  for (const char c : line) text.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c);
  text.push_back('\n');
  std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace tidewire
