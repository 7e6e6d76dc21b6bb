#pragma once

#include <tidewire/core/export.h>
#include <functional>
#include <string_view>

namespace tidewire {

enum class LogLevel : unsigned char { debug, info, warning, error };

/// "debug", "info", "warning" or "error".
[[nodiscard]] TIDEWIRE_API std::string_view name(LogLevel level) noexcept;

/// Where a loop's log lines go. Called on the loop's thread, with one line without its end; both arguments
/// are valid during the call. What it throws is dropped.
using LogSink = std::function<void(LogLevel level, std::string_view line)>;

/// The default sink: "2026-01-31T12:00:00Z warning line" on standard error, from `info` upwards.
TIDEWIRE_API void log_to_stderr(LogLevel level, std::string_view line);

}  // namespace tidewire
