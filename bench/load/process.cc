#include <tidewire/bench/process.h>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

namespace tidewire::bench {
namespace {

/// "running waiting slices", the times in nanoseconds. Empty where the kernel keeps no such statistics.
std::chrono::nanoseconds waiting_time(pid_t pid) {
  std::chrono::nanoseconds sum = {};
  std::error_code ended;  // A thread may end meanwhile.
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", ended)) {
    std::ifstream file(task.path() / "schedstat");
    std::int64_t running = 0;
    std::int64_t waiting = 0;
    if (file >> running >> waiting) sum += std::chrono::nanoseconds(waiting);
  }
  return sum;
}

}  // namespace

Result<Process> Process::find(pid_t pid) {
  clockid_t clock = 0;
  if (const int error = clock_getcpuclockid(pid, &clock); error != 0) {
    return Error::system(-error, "process " + std::to_string(pid));
  }
  const Process process(pid, clock);
  if (auto memory = process.memory(); !memory) return memory.error();
  return process;
}

Result<CpuUse> Process::cpu_use() const {
  timespec time = {};
  if (clock_gettime(clock_, &time) != 0) return Error::system(-errno, "CPU clock of process " + std::to_string(pid_));
  CpuUse use;
  use.running = std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  use.waiting = waiting_time(pid_);
  return use;
}

Result<Memory> Process::memory() const {
  const std::string path = "/proc/" + std::to_string(pid_) + "/smaps_rollup";
  std::ifstream file(path);
  Memory memory;
  bool found = false;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    std::size_t kibibytes = 0;
    words >> name >> kibibytes;
    if (name == "Rss:") memory.resident = kibibytes * 1024;
    if (name == "Anonymous:") memory.anonymous = kibibytes * 1024, found = true;
  }
  if (!found) return Error{Errc::refused, "cannot read " + path};
  return memory;
}

}  // namespace tidewire::bench
