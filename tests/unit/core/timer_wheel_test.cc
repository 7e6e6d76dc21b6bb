#include <doctest/doctest.h>
#include <tidewire/core/timer_wheel.h>
#include <array>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <vector>

using namespace tidewire;

namespace {

struct Alarm final : Deadline {
  int rung = 0;
  std::function<void()> act;
  void on_deadline() noexcept override {
    ++rung;
    if (act) act();
  }
};

}  // namespace

TEST_CASE("a deadline is called at its tick, once, and not before") {
  TimerWheel wheel;
  Alarm alarm;
  wheel.arm(alarm, 10);
  CHECK(alarm.armed());
  CHECK(alarm.due() == 10);
  wheel.advance(9);
  CHECK(alarm.rung == 0);
  wheel.advance(10);
  CHECK(alarm.rung == 1);
  CHECK_FALSE(alarm.armed());
  wheel.advance(5000);
  CHECK(alarm.rung == 1);
}

TEST_CASE("arming anew moves a deadline") {
  TimerWheel wheel;
  Alarm alarm;
  wheel.arm(alarm, 10);
  wheel.arm(alarm, 20);
  wheel.advance(10);
  CHECK(alarm.rung == 0);
  wheel.advance(20);
  CHECK(alarm.rung == 1);
}

TEST_CASE("a disarmed deadline is not called, and disarming twice is harmless") {
  TimerWheel wheel;
  Alarm alarm;
  wheel.arm(alarm, 10);
  wheel.disarm(alarm);
  wheel.disarm(alarm);
  wheel.advance(100);
  CHECK(alarm.rung == 0);
}

TEST_CASE("a deadline in the past is called at the next tick") {
  TimerWheel wheel;
  Alarm alarm;
  wheel.advance(100);
  wheel.arm(alarm, 50);
  wheel.advance(101);
  CHECK(alarm.rung == 1);
}

TEST_CASE("a deadline that is further away than the wheel is round waits its time") {
  TimerWheel wheel;
  Alarm alarm;
  wheel.arm(alarm, 5000);
  for (Tick tick = 1; tick < 5000; ++tick) wheel.advance(tick);
  CHECK(alarm.rung == 0);
  wheel.advance(5000);
  CHECK(alarm.rung == 1);
}

TEST_CASE("a jump of the time calls all that fell due meanwhile") {
  TimerWheel wheel;
  std::array<Alarm, 50> alarms;
  for (std::size_t index = 0; index < alarms.size(); ++index)
    wheel.arm(alarms[index], static_cast<Tick>(index * 97 + 1));
  wheel.advance(1'000'000);
  for (const Alarm& alarm : alarms) CHECK(alarm.rung == 1);
}

TEST_CASE("time that goes back is ignored") {
  TimerWheel wheel;
  Alarm alarm;
  wheel.advance(100);
  wheel.arm(alarm, 110);
  wheel.advance(50);
  wheel.advance(109);
  CHECK(alarm.rung == 0);
  wheel.advance(110);
  CHECK(alarm.rung == 1);
}

TEST_CASE("ticks wrap around without calling early or late") {
  TimerWheel wheel;
  Alarm alarm;
  // In steps: half the range is the furthest that counts as the future.
  constexpr Tick last = std::numeric_limits<Tick>::max();
  wheel.advance(last / 3);
  wheel.advance(last / 3 * 2);
  wheel.advance(last - 2);
  wheel.arm(alarm, last + 5);
  wheel.advance(last);
  wheel.advance(3);
  CHECK(alarm.rung == 0);
  wheel.advance(4);
  CHECK(alarm.rung == 1);
}

TEST_CASE("next is the tick at which there is something to look at, or nothing") {
  TimerWheel wheel;
  Alarm near;
  Alarm far;
  CHECK_FALSE(wheel.next().has_value());
  wheel.arm(near, 7);
  wheel.arm(far, 900);
  CHECK(wheel.next() == 7);
  wheel.disarm(near);
  CHECK(wheel.next() == 900);
  wheel.disarm(far);
  CHECK_FALSE(wheel.next().has_value());
  wheel.arm(far, 1024);
  CHECK(wheel.next() == 1024);
  wheel.arm(far, 3000);
  CHECK(wheel.next() == 3000 % 1024);
}

TEST_CASE("following next calls every deadline at its own tick") {
  TimerWheel wheel;
  std::mt19937 random(1);
  Tick now = 0;
  std::vector<std::unique_ptr<Alarm>> alarms;
  for (int index = 0; index < 300; ++index) {
    auto& alarm = *alarms.emplace_back(std::make_unique<Alarm>());
    const Tick due = static_cast<Tick>(random() % 4000 + 1);
    alarm.act = [due, &now] { CHECK(due == now); };
    wheel.arm(alarm, due);
  }
  while (const auto next = wheel.next()) {
    now = *next;
    wheel.advance(now);
  }
  for (const auto& alarm : alarms) CHECK(alarm->rung == 1);
}

TEST_CASE("a deadline arms itself anew where it is called") {
  TimerWheel wheel;
  Alarm alarm;
  Tick now = 0;
  alarm.act = [&] { wheel.arm(alarm, now + 1); };
  wheel.arm(alarm, 1);
  for (now = 1; now <= 10; ++now) wheel.advance(now);
  CHECK(alarm.rung == 10);
  now = 5000;
  wheel.advance(now);
  CHECK(alarm.rung == 11);
}

TEST_CASE("a deadline destroys itself and others that are due where it is called") {
  TimerWheel wheel;
  std::array<std::unique_ptr<Alarm>, 4> alarms;
  int rung = 0;
  for (auto& alarm : alarms) {
    alarm = std::make_unique<Alarm>();
    alarm->act = [&] {
      ++rung;
      for (auto& each : alarms) each.reset();
    };
    wheel.arm(*alarm, 10);
  }
  wheel.advance(10);
  CHECK(rung == 1);
}

TEST_CASE("a wheel that ends disarms what is armed") {
  Alarm alarm;
  {
    TimerWheel wheel;
    wheel.arm(alarm, 10);
  }
  CHECK_FALSE(alarm.armed());
}
