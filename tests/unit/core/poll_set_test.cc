#include <sys/eventfd.h>
#include <unistd.h>
#include <uv.h>

#include <doctest/doctest.h>
#include <support/run.h>
#include <tidewire/core/poll_set.h>
#include <tidewire/core/timer.h>
#include <tidewire/core/watched.h>
#include <memory>
#include <thread>
#include <vector>

// What a set does with its members is in watched_test.cc. Here: how it and libuv wait as one.

using namespace tidewire;
using namespace tidewire::testing;

namespace {

/// Something that is ready when told to be.
struct Event final : Watched {
  explicit Event(std::vector<Event*>* told = nullptr)
      : Watched(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), calls(told) {}
  void on_ready(Ready) noexcept override {
    if (calls != nullptr) calls->push_back(this);
  }
  void signal() const { REQUIRE(::eventfd_write(descriptor(), 1) == 0); }

  std::vector<Event*>* calls;
};

/// Serves all that was found. Returns whether the guest is ready.
bool serve(PollSet& set) {
  while (set.serve_one()) continue;
  return set.take_guest_ready();
}

}  // namespace

TEST_CASE("everything that is ready is told in one turn, once") {
  const auto set = PollSet::make();
  std::vector<Event*> told;
  Event one(&told);
  Event other(&told);
  Event quiet(&told);
  for (Event* event : {&one, &other, &quiet}) REQUIRE(set->add(event->descriptor(), *event, PollSet::reading) == 0);
  one.signal();
  other.signal();
  set->wait(-1);
  CHECK_FALSE(serve(*set));
  CHECK(told == std::vector<Event*>{&one, &other});
  set->wait(0);
  serve(*set);
  CHECK(told.size() == 2);
  SUBCASE("again when it is renewed") {
    CHECK(set->renew(other.descriptor(), other, PollSet::reading) == 0);
    set->wait(0);
    serve(*set);
    CHECK(told.back() == &other);
    CHECK(told.size() == 3);
  }
  SUBCASE("not when it was removed") {
    set->remove(one.descriptor(), one);
    one.signal();
    set->wait(0);
    serve(*set);
    CHECK(told.size() == 2);
  }
}

TEST_CASE("what was found and not served keeps its place before what comes later") {
  const auto set = PollSet::make();
  std::vector<Event*> told;
  Event one(&told);
  Event other(&told);
  Event removed(&told);
  Event late(&told);
  for (Event* event : {&one, &other, &removed, &late}) {
    REQUIRE(set->add(event->descriptor(), *event, PollSet::reading) == 0);
  }
  CHECK(set->members() == 4);
  for (const Event* event : {&one, &removed, &other}) event->signal();
  set->wait(0);
  REQUIRE(set->serve_one());
  late.signal();
  set->wait(-1);
  set->remove(removed.descriptor(), removed);
  CHECK(set->members() == 3);
  CHECK(set->has_unserved());
  serve(*set);
  CHECK(told == std::vector<Event*>{&one, &other, &late});
  CHECK_FALSE(set->has_unserved());
}

TEST_CASE("a set that found as many as it can may have more") {
  const auto set = PollSet::make();
  std::vector<Event*> told;
  std::vector<std::unique_ptr<Event>> events;
  for (int index = 0; index < PollSet::capacity + 1; ++index) {
    events.push_back(std::make_unique<Event>(&told));
    REQUIRE(set->add(events.back()->descriptor(), *events.back(), PollSet::reading) == 0);
    events.back()->signal();
  }
  set->wait(0);
  CHECK(set->may_have_more());
  serve(*set);
  CHECK(told.size() == PollSet::capacity);
  set->wait(0);
  CHECK_FALSE(set->may_have_more());
  serve(*set);
  CHECK(told.size() == events.size());
}

TEST_CASE("what cannot be watched is a negative error number") {
  const auto set = PollSet::make();
  Event event;
  CHECK(set->add(-1, event, PollSet::reading) < 0);
  CHECK(set->renew(event.descriptor(), event, PollSet::reading) < 0);
  CHECK(set->add_guest(-1) < 0);
}

TEST_CASE("the guest is told apart, for as long as it is ready") {
  const auto set = PollSet::make();
  const Event guest;
  REQUIRE(set->add_guest(guest.descriptor()) == 0);
  set->wait(0);
  CHECK_FALSE(serve(*set));
  guest.signal();
  for (int turn = 0; turn < 2; ++turn) {
    set->wait(0);
    CHECK(serve(*set));
  }
}

TEST_CASE("the caller's own handles live on a loop of ours") {
  Loop loop;
  int idles = 0;
  int polls = 0;
  uv_idle_t idle;
  uv_idle_init(loop.native(), &idle);
  idle.data = &idles;
  const Event event;
  uv_poll_t poll;
  REQUIRE(uv_poll_init(loop.native(), &poll, event.descriptor()) == 0);
  poll.data = &polls;
  uv_poll_start(&poll, UV_READABLE, [](uv_poll_t* handle, int, int) {
    ++*static_cast<int*>(handle->data);
    uv_poll_stop(handle);
  });
  event.signal();
  run_until(loop, [&] { return polls == 1; });
  uv_idle_start(&idle, [](uv_idle_t* handle) { ++*static_cast<int*>(handle->data); });
  run_until(loop, [&] { return idles == 3; });
  uv_close(reinterpret_cast<uv_handle_t*>(&idle), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&poll), nullptr);
  settle(loop, 2);
}

TEST_CASE("timers and tasks from other threads end a wait for sockets") {
  Loop loop;
  const Loop::KeepAlive keep(loop);
  bool fired = false;
  const Timer timer = Timer::after(loop, std::chrono::milliseconds(20), [&] { fired = true; });
  while (!fired) loop.run_once();
  bool posted = false;
  std::thread other([&] { loop.post([&] { posted = true; }); });
  while (!posted) loop.run_once();
  other.join();
}
