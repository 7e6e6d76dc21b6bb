#include <tidewire/bench/workload.h>
#include <unistd.h>

namespace tidewire::bench {
namespace {

/// What the clocks say at one moment.
struct Reading {
  Clock::time_point time;
  CpuUse server;
  CpuUse load;
};

Result<Reading> read_clocks(const std::optional<Process>& server, const Process& load) {
  Reading reading = {.time = Clock::now(), .server = {}, .load = {}};
  const auto load_use = load.cpu_use();
  if (!load_use) return load_use.error();
  reading.load = *load_use;
  if (!server) return reading;
  const auto server_use = server->cpu_use();
  if (!server_use) return server_use.error();
  reading.server = *server_use;
  return reading;
}

Result<void> turn_until(Workload& workload, Clock::time_point end) {
  while (Clock::now() < end) {
    if (auto turned = workload.turn(end); !turned) return turned;
  }
  return {};
}

}  // namespace

Result<Window> measure(Workload& workload, std::chrono::nanoseconds warm_up, std::chrono::nanoseconds measured,
                       const std::optional<Process>& server) {
  const auto self = Process::find(getpid());
  if (!self) return self.error();
  if (auto started = workload.start(); !started) return started.error();
  if (auto warm = turn_until(workload, Clock::now() + warm_up); !warm) return warm.error();

  const auto before = read_clocks(server, *self);
  if (!before) return before.error();
  const std::uint64_t messages_before = workload.messages();
  const std::uint64_t bytes_before = workload.received_bytes();
  workload.begin_window(before->time);
  if (auto done = turn_until(workload, before->time + measured); !done) return done.error();
  const auto after = read_clocks(server, *self);
  if (!after) return after.error();
  workload.end_window(after->time);

  Window window;
  window.messages = workload.messages() - messages_before;
  window.reply_bytes = workload.received_bytes() - bytes_before;
  window.elapsed = after->time - before->time;
  window.load = after->load - before->load;
  if (server) window.server = after->server - before->server;
  if (auto finished = workload.finish(); !finished) return finished.error();
  if (window.messages == 0) return Error{Errc::timeout, "no answer within the measured time"};
  return window;
}

}  // namespace tidewire::bench
