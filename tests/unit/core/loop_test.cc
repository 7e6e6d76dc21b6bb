#include <uv.h>

#include <doctest/doctest.h>
#include <support/run.h>
#include <tidewire/core/loop.h>
#include <tidewire/core/timer.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace tidewire;
using namespace tidewire::testing;
using namespace std::chrono_literals;

TEST_CASE("a loop with nothing to do returns at once") {
  Loop loop;
  loop.run();
  CHECK_FALSE(loop.run_once());
}

TEST_CASE("tasks posted before the loop runs are run, in order") {
  Loop loop;
  std::string order;
  CHECK(loop.post([&] {
    order += "a";
    loop.post([&] { order += "c"; });
  }));
  CHECK(loop.post([&] { order += "b"; }));
  loop.run();
  CHECK(order == "abc");
}

TEST_CASE("a stop that came before run makes it return at once, and only that one") {
  Loop loop;
  bool ran = false;
  loop.stop();
  loop.post([&] { ran = true; });
  loop.run();
  CHECK_FALSE(ran);
  loop.run();
  CHECK(ran);
}

TEST_CASE("a stop during a run is consumed by it, also when the run ends for want of work") {
  Loop loop;
  bool ran = false;
  // What a drain does on its way out: its function stops a loop that has nothing left.
  const Timer last = Timer::after(loop, 1ms, [&] { loop.stop(); });
  loop.run();
  loop.post([&] { ran = true; });
  loop.run();
  CHECK(ran);
}

TEST_CASE("run and run_once are refused in a callback of the loop, and the loop goes on") {
  for (const Polling polling : {Polling::native, Polling::libuv}) {
    Loop loop(polling);
    std::vector<std::string> lines;
    loop.set_log_sink([&](LogLevel, std::string_view line) { lines.emplace_back(line); });
    bool ran = false;
    loop.post([&] {
      CHECK_THROWS_AS(loop.run(), Failure);
      loop.run_once(false);
    });
    loop.post([&] { ran = true; });
    loop.run();
    CHECK(ran);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].starts_with("exception in a posted task: run_once within a callback of the loop: "));
  }
}

TEST_CASE("a loop may run another in a callback") {
  Loop outer;
  bool ran = false;
  outer.post([&] {
    Loop inner;
    inner.post([&] { ran = true; });
    inner.run();
  });
  outer.run();
  CHECK(ran);
}

namespace {

Loop* signalled = nullptr;

}  // namespace

TEST_CASE("a handler of a signal stops the loop, whatever the thread that it interrupts is doing") {
  Loop loop;
  const Loop::KeepAlive awake(loop);
  signalled = &loop;
  struct sigaction before {};
  struct sigaction act {};
  act.sa_handler = [](int) { signalled->stop(); };
  REQUIRE(::sigaction(SIGUSR1, &act, &before) == 0);
  loop.post([] { ::raise(SIGUSR1); });
  loop.run();
  ::sigaction(SIGUSR1, &before, nullptr);
}

TEST_CASE("a stop in a callback ends run after the turn") {
  Loop loop;
  const Loop::KeepAlive awake(loop);
  bool after = false;
  loop.post([&] { loop.stop(); });
  loop.post([&] { after = true; });
  loop.run();
  CHECK(after);
}

TEST_CASE("an exception in a task is logged, and those after it run") {
  Loop loop;
  std::vector<std::string> lines;
  loop.set_log_sink([&](LogLevel level, std::string_view line) {
    CHECK(level == LogLevel::error);
    lines.emplace_back(line);
  });
  bool ran = false;
  loop.post([] { throw std::runtime_error("on purpose"); });
  loop.post([] { throw 42; });
  loop.post([&] { ran = true; });
  loop.run();
  CHECK(ran);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] == "exception in a posted task: on purpose");
  CHECK(lines[1] == "exception in a posted task");
}

TEST_CASE("an empty log sink means silence, and one that throws is survived") {
  Loop loop;
  loop.set_log_sink({});
  loop.log(LogLevel::error, "nobody hears");
  loop.set_log_sink([](LogLevel, std::string_view) { throw std::runtime_error("disk full"); });
  loop.log(LogLevel::error, "nobody hears");
  CHECK_FALSE(loop.guard("test", [] { throw std::runtime_error("on purpose"); }));
  CHECK(loop.guard("test", [] {}));
}

TEST_CASE("tasks that have not run when the loop ends are dropped, and later posts are refused") {
  const auto kept = std::make_shared<int>(0);
  std::optional<LoopRemote> remote;
  {
    Loop loop;
    remote = loop.remote();
    CHECK(remote->post([kept] {}));
  }
  CHECK(kept.use_count() == 1);
  CHECK_FALSE(remote->post([kept] {}));
  CHECK(kept.use_count() == 1);
}

TEST_CASE("what is marked dirty is flushed once, before the loop waits") {
  struct Dirty final : Flushable {
    void flush() noexcept override {
      ++flushes;
      if (again != nullptr) std::exchange(again, nullptr)->flush_later(*this);
    }
    int flushes = 0;
    Loop* again = nullptr;
  };
  Loop loop;
  Dirty one;
  Dirty other;
  loop.flush_later(one);
  loop.flush_later(other);
  loop.run();
  CHECK(one.flushes == 1);
  CHECK(other.flushes == 1);
  // What a flush marks has its turn too, with nothing else to keep the loop going.
  one.again = &loop;
  loop.flush_later(one);
  loop.run();
  CHECK(one.flushes == 3);
}

TEST_CASE("flushes that never end leave the loop its turns") {
  struct Endless final : Flushable {
    explicit Endless(Loop& its) : loop(its) {}
    void flush() noexcept override {
      if (++flushes < 100) loop.flush_later(*this);
    }
    Loop& loop;
    int flushes = 0;
  };
  Loop loop;
  Endless endless(loop);
  loop.flush_later(endless);
  loop.run_once();
  CHECK(endless.flushes < 100);
  int seen = 0;
  loop.post([&] { seen = endless.flushes; });
  loop.run();
  CHECK(endless.flushes == 100);
  CHECK(seen < 100);
}

TEST_CASE("what a timer marks dirty is flushed though run stops with it") {
  struct Dirty final : Flushable {
    void flush() noexcept override { flushed = true; }
    bool flushed = false;
  } dirty;
  Loop loop;
  const Timer timer = Timer::after(loop, 1ms, [&] {
    loop.flush_later(dirty);
    loop.stop();
  });
  loop.run();
  CHECK(dirty.flushed);
}

TEST_CASE("the retired are destroyed after the callback, many of them and by each other") {
  struct Old final : Retired {
    Old(Loop& its, int& count, int more) : loop(its), gone(count), left(more) {}
    ~Old() override {
      ++gone;
      if (left > 0) loop.retire(std::make_unique<Old>(loop, gone, left - 1));
    }
    Loop& loop;
    int& gone;
    int left;
  };
  Loop loop;
  int gone = 0;
  loop.post([&] {
    for (int index = 0; index < 100'000; ++index) loop.retire(std::make_unique<Old>(loop, gone, 0));
    loop.retire(std::make_unique<Old>(loop, gone, 5));
    CHECK(gone == 0);
  });
  loop.run();
  CHECK(gone == 100'006);
}

TEST_CASE("the retired are destroyed when the loop ends before its turn does") {
  struct Old final : Retired {
    explicit Old(int& count) : gone(count) {}
    ~Old() override { ++gone; }
    int& gone;
  };
  int gone = 0;
  {
    Loop loop;
    loop.retire(std::make_unique<Old>(gone));
  }
  CHECK(gone == 1);
}

TEST_CASE("state is made once a loop and type, and goes with the loop") {
  struct State {
    explicit State(Loop& its) : loop(its) {}
    ~State() { ++*gone; }
    Loop& loop;
    int* gone = nullptr;
  };
  struct Other {
    explicit Other(Loop&) {}
  };
  int gone = 0;
  {
    Loop loop;
    State& state = loop.local<State>();
    state.gone = &gone;
    (void)loop.local<Other>();
    CHECK(&loop.local<State>() == &state);
    CHECK(&state.loop == &loop);
  }
  CHECK(gone == 1);
}

TEST_CASE("a signal calls its handler on the loop, and does not keep it running") {
  Loop loop;
  int calls = 0;
  REQUIRE(loop.on_signal({SIGUSR1, SIGUSR2}, [&] { ++calls; }));
  loop.run();
  CHECK(calls == 0);
  ::raise(SIGUSR1);
  ::raise(SIGUSR2);
  run_until(loop, [&] { return calls == 2; });
}

TEST_CASE("a signal that cannot be handled is an error that names it") {
  Loop loop;
  const auto result = loop.on_signal({SIGKILL}, [] {});
  REQUIRE_FALSE(result);
  CHECK(result.error().message().find("signal 9") != std::string::npos);
}

TEST_CASE("writing to a broken pipe does not end a process that has a loop") {
  const Loop loop;
  struct sigaction current {};
  REQUIRE(::sigaction(SIGPIPE, nullptr, &current) == 0);
  CHECK((current.sa_handler == SIG_IGN));
}

TEST_CASE("durations are ticks rounded up, one at the least, and bounded") {
  CHECK(Loop::ticks(0ms) == 1);
  CHECK(Loop::ticks(-1s) == 1);
  CHECK(Loop::ticks(50ms) == 1);
  CHECK(Loop::ticks(51ms) == 2);
  CHECK(Loop::ticks(1s) == 20);
  CHECK(Loop::ticks(std::chrono::milliseconds::max()) == INT32_MAX / 2);
  CHECK(Loop::ticks(std::chrono::milliseconds::min()) == 1);
}

TEST_CASE("deadlines are called by the loop, in order, and do not keep it running") {
  struct Alarm final : Deadline {
    void on_deadline() noexcept override { order->push_back(number); }
    std::vector<int>* order = nullptr;
    int number = 0;
  };
  Loop loop;
  std::vector<int> order;
  std::array<Alarm, 3> alarms;
  for (int index = 0; index < 3; ++index) {
    alarms[static_cast<std::size_t>(index)].order = &order;
    alarms[static_cast<std::size_t>(index)].number = index;
  }
  loop.arm(alarms[0], 200ms);
  loop.arm(alarms[1], 50ms);
  loop.arm(alarms[2], 100ms);
  loop.disarm(alarms[2]);
  loop.run();
  CHECK(order.empty());
  run_until(loop, [&] { return order.size() == 2; });
  CHECK(order == std::vector{1, 0});
}

TEST_CASE("a deadline that a year will not see does not disturb the others") {
  struct Alarm final : Deadline {
    void on_deadline() noexcept override { rung = true; }
    bool rung = false;
  };
  Loop loop;
  Alarm far;
  Alarm near;
  loop.arm(far, std::chrono::milliseconds::max());
  loop.arm(near, 50ms);
  run_until(loop, [&] { return near.rung; });
  CHECK_FALSE(far.rung);
  CHECK(far.armed());
}

TEST_CASE("an adopted loop is served by whoever runs it, and closes clean afterwards") {
  uv_loop_t theirs;
  REQUIRE(uv_loop_init(&theirs) == 0);
  bool ran = false;
  bool fired = false;
  {
    Loop loop(theirs);
    CHECK(loop.native() == &theirs);
    const Timer timer = Timer::after(loop, 1ms, [&] { fired = true; });
    loop.post([&] { ran = true; });
    uv_run(&theirs, UV_RUN_DEFAULT);
    CHECK(ran);
    CHECK(fired);
    REQUIRE(loop.on_signal({SIGUSR1}, [] {}));
  }
  uv_run(&theirs, UV_RUN_DEFAULT);
  CHECK(uv_loop_close(&theirs) == 0);
}

TEST_CASE("an adopted loop that has nothing of its own is not kept running by ours") {
  uv_loop_t theirs;
  REQUIRE(uv_loop_init(&theirs) == 0);
  {
    const Loop loop(theirs);
    CHECK(uv_run(&theirs, UV_RUN_DEFAULT) == 0);
  }
  uv_run(&theirs, UV_RUN_DEFAULT);
  CHECK(uv_loop_close(&theirs) == 0);
}

TEST_SUITE("threaded") {
  TEST_CASE("posts from several threads all run, each thread's in its order") {
    Loop loop;
    constexpr int each = 2000;
    std::array<std::vector<int>, 4> seen;
    int total = 0;
    std::vector<std::thread> threads;
    for (std::size_t who = 0; who < seen.size(); ++who) {
      threads.emplace_back([remote = loop.remote(), &seen, &total, who] {
        for (int number = 0; number < each; ++number) {
          remote.post([&seen, &total, who, number] {
            seen[who].push_back(number);
            ++total;
          });
        }
      });
    }
    run_until(loop, [&] { return total == each * 4; });
    for (std::thread& thread : threads) thread.join();
    for (const auto& numbers : seen) {
      CHECK(numbers.size() == each);
      CHECK(std::is_sorted(numbers.begin(), numbers.end()));
    }
  }

  TEST_CASE("a post wakes a loop that is kept alive, and a stop from another thread ends it") {
    Loop loop;
    const Loop::KeepAlive awake(loop);
    std::thread::id where;
    std::thread other([remote = loop.remote(), &loop, &where] {
      remote.post([&where, &loop] {
        where = std::this_thread::get_id();
        CHECK(loop.in_thread());
      });
      CHECK_FALSE(remote.in_thread());
      loop.stop();
    });
    loop.run();
    other.join();
    // The stop may have come before the task had its turn.
    loop.run_once(false);
    CHECK(where == std::this_thread::get_id());
  }

  TEST_CASE("threads post while the loop ends: each task runs or is refused or dropped, and none is lost in memory") {
    const auto kept = std::make_shared<std::atomic<int>>(0);
    std::atomic<bool> enough{false};
    std::vector<std::thread> threads;
    {
      Loop loop;
      for (int index = 0; index < 3; ++index) {
        threads.emplace_back([remote = loop.remote(), kept, &enough] {
          while (remote.post([kept] { ++*kept; })) {
          }
          CHECK_FALSE(remote.post([kept] { ++*kept; }));
          enough = true;
        });
      }
      run_until(loop, [&] { return *kept > 1000; });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(enough);
    CHECK(kept.use_count() == 1);
  }

  TEST_CASE("a loop that ran on another thread is used and destroyed by its maker after the join") {
    Loop loop;
    Timer timer = Timer::after(loop, 1h, [] {});
    std::thread other([&] { loop.run(); });
    loop.stop();
    other.join();
    CHECK(loop.in_thread());
    CHECK_FALSE(loop.remote().in_thread());
    timer.cancel();
    // Posted, not run: what says on which thread the loop is cannot know that the other has gone.
    bool ran = false;
    loop.post([&] { ran = true; });
    loop.run();
    CHECK(ran);
    CHECK(loop.remote().in_thread());
  }

  TEST_CASE("a second thread that runs the loop is refused") {
    Loop loop;
    const Loop::KeepAlive awake(loop);
    std::thread other;
    loop.post([&] {
      other = std::thread([&] {
        CHECK_THROWS_AS(loop.run(), Failure);
        CHECK_THROWS_AS(loop.run_once(false), Failure);
        CHECK_FALSE(loop.in_thread());
        loop.stop();
      });
    });
    loop.run();
    other.join();
  }

  TEST_CASE("a loop that is full tells a poster's loop when it has room") {
    Loop slow;
    slow.set_post_limits({.max_tasks = 3, .max_bytes = 1000});
    int ran = 0;
    std::thread poster([&slow, &ran] {
      Loop own;
      const Loop::KeepAlive awake(own);
      const LoopRemote remote = slow.remote();
      int left = 100;
      std::function<void()> go_on = [&] {
        for (; left > 0; --left) {
          if (remote.post([&ran] { ++ran; }) == PostStatus::full) return remote.when_room(own, go_on);
        }
        own.stop();
      };
      own.post(go_on);
      own.run();
    });
    run_until(slow, [&] { return ran == 100; });
    poster.join();
  }

  TEST_CASE("a loop made, run and ended in a thread of its own is stopped from another") {
    std::atomic<Loop*> running{nullptr};
    std::atomic<bool> stopped{false};
    std::thread thread([&] {
      Loop loop;
      const Loop::KeepAlive awake(loop);
      loop.post([&] { running = &loop; });
      loop.run();
      stopped = true;
      while (running != nullptr) std::this_thread::yield();
    });
    while (running == nullptr) std::this_thread::yield();
    running.load()->stop();
    running = nullptr;
    thread.join();
    CHECK(stopped);
  }
}
