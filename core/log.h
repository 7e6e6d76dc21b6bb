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
///
/// It never blocks: a pipe that is not read, or a terminal that is stopped, must not stop a server. A line that
/// standard error does not take at once is dropped and counted, and the next one that it takes comes after a line with
/// that count. Lines are cut to what the system writes as a whole (PIPE_BUF, 4 KiB on Linux). The descriptor is asked
/// (poll) and never made non-blocking, as other processes may share it; one of them that fills the pipe between the
/// question and the write is the one case left in which a write waits.
TIDEWIRE_API void log_to_stderr(LogLevel level, std::string_view line);

}  // namespace tidewire
