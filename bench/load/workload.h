#pragma once

#include <tidewire/bench/process.h>
#include <tidewire/core/histogram.h>
#include <tidewire/core/result.h>
#include <chrono>
#include <cstdint>
#include <optional>

namespace tidewire::bench {

using Clock = std::chrono::steady_clock;

/// So long without anything from the server ends a run.
inline constexpr std::chrono::nanoseconds stall_time = std::chrono::seconds(5);

/// What happened between the end of the warm-up and the end of the measurement.
struct Window {
  std::uint64_t messages = 0;
  std::uint64_t reply_bytes = 0;  ///< On the wire; 0 where all replies have one size.
  std::chrono::nanoseconds elapsed = {};
  std::optional<CpuUse> server;  ///< Unknown without the server's process.
  CpuUse load;                   ///< Of this process.
};

/// What keeps a server busy, in one thread: an epoll loop that runs in turns, so that the clocks can be read between
/// them. An error ends the run: a wrong answer, the end of a connection, nothing from the server for 5 s.
class Workload {
 public:
  Workload() = default;
  Workload(const Workload&) = delete;
  Workload& operator=(const Workload&) = delete;
  virtual ~Workload() = default;

  /// A first round over every connection, in which every byte of the answers that can be known is compared.
  [[nodiscard]] virtual Result<void> run_once() = 0;

  /// Starts what `turn` then keeps going until `finish`.
  [[nodiscard]] virtual Result<void> start() = 0;
  /// Waits for something to happen, or at most until then, and deals with it.
  [[nodiscard]] virtual Result<void> turn(Clock::time_point until) = 0;
  /// Waits for all that is still under way, and starts nothing more.
  [[nodiscard]] virtual Result<void> finish() = 0;

  /// Messages so far, since the object was made.
  [[nodiscard]] virtual std::uint64_t messages() const = 0;
  /// What replies have brought so far, on the wire, where their sizes differ.
  [[nodiscard]] virtual std::uint64_t received_bytes() const { return 0; }

  /// What begins and what ends between these two has its latency recorded.
  virtual void begin_window(Clock::time_point) { recording_ = true; }
  virtual void end_window(Clock::time_point) { recording_ = false; }
  /// In nanoseconds.
  [[nodiscard]] virtual const Histogram& latency() const noexcept { return latency_; }

 protected:
  void record_latency(std::chrono::nanoseconds latency) noexcept {
    if (recording_) latency_.record(static_cast<std::uint64_t>(latency.count()));
  }

 private:
  Histogram latency_;
  bool recording_ = false;
};

/// Starts the workload, warms up, measures, and finishes it. `server` is the process whose clock is read, if any.
[[nodiscard]] Result<Window> measure(Workload& workload, std::chrono::nanoseconds warm_up,
                                     std::chrono::nanoseconds measured, const std::optional<Process>& server);

}  // namespace tidewire::bench
