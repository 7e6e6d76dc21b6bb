#include <benchmark/benchmark.h>
#include <tidewire/bench/micro_report.h>
#include <tidewire/core/timer_wheel.h>
#include <vector>

namespace {

using namespace tidewire;
using namespace tidewire::bench;

constexpr Tick idle_ticks = 300;

struct Alarm final : Deadline {
  void on_deadline() noexcept override {}
};

/// Arming and disarming, with others armed meanwhile: the life of a request's deadline.
void timer_arm_and_disarm(benchmark::State& state) {
  TimerWheel wheel;
  std::vector<Alarm> others(static_cast<std::size_t>(state.range(0)));
  for (std::size_t i = 0; i < others.size(); ++i) wheel.arm(others[i], static_cast<Tick>(1 + i % idle_ticks));
  Alarm alarm;
  for (auto _ : state) {
    wheel.arm(alarm, idle_ticks);
    wheel.disarm(alarm);
  }
  report_items(state, 1);
}

/// Moving deadlines one after the other.
void timer_rearm(benchmark::State& state) {
  TimerWheel wheel;
  std::vector<Alarm> alarms(static_cast<std::size_t>(state.range(0)));
  for (Alarm& alarm : alarms) wheel.arm(alarm, idle_ticks);
  std::size_t next = 0;
  Tick due = 1;
  for (auto _ : state) {
    wheel.arm(alarms[next], 1 + due++ % idle_ticks);
    if (++next == alarms.size()) next = 0;
  }
  report_items(state, 1);
}

/// Each deadline arms itself anew when it falls due, as that of an idle connection does; some fall due in each tick.
void timer_advance(benchmark::State& state) {
  struct Recurring final : Deadline {
    void on_deadline() noexcept override { wheel->arm(*this, due() + idle_ticks); }
    TimerWheel* wheel = nullptr;
  };
  TimerWheel wheel;
  const auto count = static_cast<std::size_t>(state.range(0));
  std::vector<Recurring> all(count);
  for (std::size_t i = 0; i < count; ++i) {
    all[i].wheel = &wheel;
    wheel.arm(all[i], static_cast<Tick>(1 + i % idle_ticks));
  }
  Tick now = 0;
  for (auto _ : state) wheel.advance(++now);
  state.counters["due_each"] = static_cast<double>(count) / idle_ticks;
}

BENCHMARK(timer_arm_and_disarm)->Arg(0)->Arg(10'000);
BENCHMARK(timer_rearm)->Arg(1)->Arg(10'000);
BENCHMARK(timer_advance)->Arg(0)->Arg(3'000)->Arg(300'000);

}  // namespace
