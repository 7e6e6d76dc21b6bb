#include <sys/eventfd.h>
#include <sys/time.h>
#include <uv.h>

#include <doctest/doctest.h>
#include <support/run.h>
#include <tidewire/core/loop.h>
#include <tidewire/core/watched.h>
#include <algorithm>
#include <csignal>
#include <ctime>
#include <memory>
#include <string>
#include <thread>
#include <vector>

// How the loop shares its turns, and what deadlines wait for.

using namespace tidewire;
using namespace tidewire::testing;
using namespace std::chrono_literals;

namespace {

struct Native {
  static constexpr Polling polling = Polling::native;
};
struct Libuv {
  static constexpr Polling polling = Polling::libuv;
};

/// A descriptor that becomes ready, does some work, and notes in which order.
struct Worker final : Watched {
  Worker(Loop& its, std::vector<int>& all, int mine, std::uint64_t costs = 0)
      : Watched(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), loop(its), order(all), number(mine), work(costs) {
    REQUIRE(watch_reading(loop) == 0);
  }
  ~Worker() override {
    close_descriptor(loop);
    settle(loop, 1);
  }
  void on_ready(Ready) noexcept override {
    eventfd_t count = 0;
    if (::eventfd_read(descriptor(), &count) != 0) return;
    loop.budget().charge(work);
    order.push_back(number);
  }
  using Watched::close_descriptor;
  void signal() const { REQUIRE(::eventfd_write(descriptor(), 1) == 0); }

  Loop& loop;
  std::vector<int>& order;
  int number;
  std::uint64_t work;
};

std::vector<std::unique_ptr<Worker>> workers(Loop& loop, std::vector<int>& order, int count, std::uint64_t work = 0) {
  std::vector<std::unique_ptr<Worker>> all;
  for (int number = 0; number < count; ++number) all.push_back(std::make_unique<Worker>(loop, order, number, work));
  return all;
}

std::vector<int> numbers_to(int count) {
  std::vector<int> all;
  for (int number = 0; number < count; ++number) all.push_back(number);
  return all;
}

struct Alarm final : Deadline {
  explicit Alarm(std::vector<int>& all) : order(all) {}
  void on_deadline() noexcept override { order.push_back(-1); }
  std::vector<int>& order;
};

/// Work in slices, each in a turn.
struct Slices final : Resumable {
  Slices(Loop& its, std::vector<int>& all, int mine, int slices) : loop(its), order(all), number(mine), left(slices) {}
  void go_on() noexcept override {
    CHECK_FALSE(loop.budget().spent());
    loop.budget().charge(Budget::slice_work);
    order.push_back(number);
    if (--left > 0) loop.resume_later(*this);
  }
  Loop& loop;
  std::vector<int>& order;
  int number;
  int left;
};

}  // namespace

TEST_CASE_TEMPLATE("a turn ends when its budget is spent, and what is left goes first in the next", Way, Native,
                   Libuv) {
  Loop loop(Way::polling);
  std::vector<int> order;
  const auto all = workers(loop, order, 40, Budget::slice_work);
  for (const auto& worker : all) worker->signal();
  constexpr std::size_t slices_per_turn = Budget::turn_work / Budget::slice_work;
  loop.run_once(false);
  CHECK(order.size() == slices_per_turn);
  // One that is ready again waits for all that were ready before.
  all[0]->signal();
  int turns = 1;
  while (order.size() < 41 && turns < 100) {
    loop.run_once(false);
    ++turns;
  }
  CHECK(turns <= static_cast<int>(41 / slices_per_turn) + 2);
  auto expected = numbers_to(40);
  expected.push_back(0);
  CHECK(order == expected);
}

TEST_CASE_TEMPLATE("what waits to resume and what is ready take turns, and neither is always last", Way, Native,
                   Libuv) {
  Loop loop(Way::polling);
  std::vector<int> order;
  Slices one(loop, order, 100, 30);
  Slices other(loop, order, 101, 30);
  loop.resume_later(one);
  loop.resume_later(other);
  const auto all = workers(loop, order, 10, Budget::slice_work);
  for (const auto& worker : all) worker->signal();
  run_until(loop, [&] { return order.size() == 70; });
  // Ten workers and two that resume: each is served once among any dozen or so, from the beginning on.
  for (int number = 0; number < 10; ++number) {
    const auto at = std::find(order.begin(), order.end(), number) - order.begin();
    CHECK(at < 2 * 12);
  }
  CHECK(std::count(order.begin(), order.begin() + 24, 100) >= 4);
  CHECK(std::count(order.begin(), order.begin() + 24, 101) >= 4);
}

TEST_CASE_TEMPLATE("what waits to resume keeps the loop running and is not waited for", Way, Native, Libuv) {
  Loop loop(Way::polling);
  std::vector<int> order;
  Slices work(loop, order, 1, 5);
  loop.resume_later(work);
  loop.run();
  CHECK(order.size() == 5);
}

TEST_CASE("a loop that the caller runs resumes what waits, and is kept running by it") {
  uv_loop_t theirs;
  REQUIRE(uv_loop_init(&theirs) == 0);
  {
    Loop loop(theirs);
    std::vector<int> order;
    Slices work(loop, order, 1, 5);
    loop.resume_later(work);
    uv_run(&theirs, UV_RUN_DEFAULT);
    CHECK(order.size() == 5);
  }
  uv_run(&theirs, UV_RUN_DEFAULT);
  CHECK(uv_loop_close(&theirs) == 0);
}

TEST_CASE_TEMPLATE("a deadline that comes late waits for all that is ready, whatever it costs", Way, Native, Libuv) {
  constexpr int count = 700;
  Loop loop(Way::polling);
  std::vector<int> order;
  const auto all = workers(loop, order, count, Budget::slice_work / 10);
  Alarm alarm(order);
  settle(loop, 2);
  loop.arm(alarm, 50ms);
  loop.post([&] {
    for (const auto& worker : all) worker->signal();
    std::this_thread::sleep_for(200ms);
  });
  run_until(loop, [&] { return order.size() == count + 1; });
  auto expected = numbers_to(count);
  expected.push_back(-1);
  CHECK(order == expected);
}

TEST_CASE("a deadline that comes late waits for what is ready in a loop that the caller runs") {
  constexpr int count = 700;
  uv_loop_t theirs;
  REQUIRE(uv_loop_init(&theirs) == 0);
  for (const Polling polling : {Polling::native, Polling::libuv}) {
    Loop loop(theirs, polling);
    std::vector<int> order;
    auto all = workers(loop, order, count, Budget::slice_work / 10);
    Alarm alarm(order);
    loop.arm(alarm, 50ms);
    loop.post([&] {
      for (const auto& worker : all) worker->signal();
      std::this_thread::sleep_for(200ms);
    });
    while (order.size() < count + 1) uv_run(&theirs, UV_RUN_ONCE);
    auto expected = numbers_to(count);
    expected.push_back(-1);
    CHECK(order == expected);
    for (const auto& worker : all) worker->close_descriptor(loop);
    uv_run(&theirs, UV_RUN_NOWAIT);
    all.clear();
  }
  uv_run(&theirs, UV_RUN_DEFAULT);
  CHECK(uv_loop_close(&theirs) == 0);
}

TEST_CASE("a peer that is ready all the time does not keep deadlines from passing") {
  Loop loop;
  std::vector<int> order;
  std::vector<int> ignored;
  struct Busy final : Watched {
    explicit Busy(Loop& its) : Watched(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC)), loop(its) {
      REQUIRE(watch_reading(loop) == 0);
    }
    void on_ready(Ready) noexcept override {
      loop.budget().charge(Budget::slice_work);
      watch_reading(loop);
    }
    using Watched::close_descriptor;
    Loop& loop;
  } busy(loop);
  Alarm alarm(order);
  loop.arm(alarm, 100ms);
  run_until(loop, [&] { return !order.empty(); });
  busy.close_descriptor(loop);
  settle(loop, 1);
}

TEST_CASE("a signal that interrupts the wait does not make deadlines pass before what is ready") {
  static int descriptor = -1;
  Loop loop;
  std::vector<int> order;
  const Worker worker(loop, order, 0);
  descriptor = worker.descriptor();
  // The wait ends with EINTR, and when it returns the deadline has passed and the descriptor is ready: as after
  // SIGSTOP and SIGCONT.
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) {
    ::eventfd_write(descriptor, 1);
    timespec left{.tv_sec = 0, .tv_nsec = 300'000'000};
    while (::nanosleep(&left, &left) != 0) continue;
  };
  REQUIRE(::sigaction(SIGALRM, &action, &before) == 0);
  Alarm alarm(order);
  settle(loop, 2);
  loop.arm(alarm, 150ms);
  const itimerval soon{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_usec = 50'000}};
  REQUIRE(::setitimer(ITIMER_REAL, &soon, nullptr) == 0);
  while (order.size() < 2) loop.run_once();
  CHECK(order == std::vector{0, -1});
  ::sigaction(SIGALRM, &before, nullptr);
}

TEST_CASE_TEMPLATE("a loop that was away moves its deadlines, and says for how long", Way, Native, Libuv) {
  Loop loop(Way::polling);
  std::vector<std::string> lines;
  loop.set_log_sink([&](LogLevel level, std::string_view line) {
    CHECK(level == LogLevel::warning);
    lines.emplace_back(line);
  });
  std::vector<int> order;
  Alarm alarm(order);
  const Loop::KeepAlive awake(loop);
  settle(loop, 2);
  loop.arm(alarm, 1s);
  loop.post([&] { std::this_thread::sleep_for(1200ms); });
  settle(loop, 3);
  CHECK(order.empty());
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].starts_with("the loop did not run for 1."));
  CHECK(lines[0].ends_with(" s; deadlines move by as much"));
  run_until(loop, [&] { return !order.empty(); });
  CHECK(lines.size() == 1);
}
