#pragma once

#include <sys/types.h>
#include <tidewire/core/result.h>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <string>

namespace tidewire::bench {

/// Memory of a process that is in use now, in bytes.
struct Memory {
  std::size_t resident = 0;   ///< All of it that is in RAM (Rss).
  std::size_t anonymous = 0;  ///< Of that, what no file backs: heap and stacks.
};

/// How a process spent its time, summed over its threads.
struct CpuUse {
  std::chrono::nanoseconds running = {};  ///< On a core: user and system.
  std::chrono::nanoseconds waiting = {};  ///< Ready to run, while others had the core.

  friend CpuUse operator-(const CpuUse& a, const CpuUse& b) { return {a.running - b.running, a.waiting - b.waiting}; }
};

/// A process, seen from outside by its process id.
class Process {
 public:
  /// An error when there is no such process, or it belongs to someone else.
  [[nodiscard]] static Result<Process> find(pid_t pid);

  /// Since it started: `running` from its CPU clock, to the nanosecond, and `waiting` from the scheduler's statistics
  /// of the threads that live.
  [[nodiscard]] Result<CpuUse> cpu_use() const;

  /// From /proc/PID/smaps_rollup.
  [[nodiscard]] Result<Memory> memory() const;

 private:
  Process(pid_t pid, clockid_t clock) : pid_(pid), clock_(clock) {}

  pid_t pid_;
  clockid_t clock_;
};

}  // namespace tidewire::bench
