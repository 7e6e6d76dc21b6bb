#pragma once

#include <tidewire/core/export.h>

namespace tidewire {

/// How many forks lie between this process and the one that called this first. What was made under another count
/// belongs to a parent process, with which this one shares its descriptors, and is left alone.
///
/// The count is the process's own, so it is one of the few things that are not a loop's. Compared with a remembered
/// process number it costs no system call. From any thread; once called, from a signal handler too.
[[nodiscard]] TIDEWIRE_API unsigned forks() noexcept;

}  // namespace tidewire
