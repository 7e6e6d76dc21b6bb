#pragma once

#include <tidewire/core/export.h>
#include <atomic>

namespace tidewire {

namespace detail {
TIDEWIRE_API extern std::atomic<unsigned> fork_count;
}

/// How many forks lie between this process and the one that called this first. What was made under another count
/// belongs to a parent process, with which this one shares its descriptors, and is left alone.
///
/// The count is the process's own, so it is one of the few things that are not a loop's. Compared with a remembered
/// process number it costs no system call. From any thread; once called, from a signal handler too.
[[nodiscard]] TIDEWIRE_API unsigned forks() noexcept;

/// The same for one who has called that before: a load.
[[nodiscard]] inline unsigned forks_so_far() noexcept { return detail::fork_count.load(std::memory_order_relaxed); }

}  // namespace tidewire
