#include <doctest/doctest.h>
#include <tidewire/core/error.h>
#include <tidewire/core/mailbox.h>
#include <atomic>
#include <memory>
#include <thread>

using namespace tidewire;

namespace {

/// A libuv loop with an open mailbox.
struct Opened {
  Opened() {
    uv_loop_init(&loop);
    uv_async_init(&loop, &wake, [](uv_async_t* async) { ++*static_cast<int*>(async->data); });
    wake.data = &woken;
    mailbox.open(&wake);
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  ~Opened() {
    mailbox.close();
    uv_close(reinterpret_cast<uv_handle_t*>(&wake), nullptr);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
  }
  int woken = 0;
  uv_loop_t loop{};
  uv_async_t wake{};
  Mailbox mailbox;
};

}  // namespace

TEST_CASE("a mailbox gives out what was posted, in order, and is then empty") {
  Opened opened;
  int last = 0;
  CHECK(opened.mailbox.empty());
  CHECK(opened.mailbox.post([&] { last = 1; }));
  CHECK(opened.mailbox.post([&] { last = last * 10 + 2; }));
  CHECK_FALSE(opened.mailbox.empty());
  for (Task& task : opened.mailbox.take()) task();
  CHECK(last == 12);
  CHECK(opened.mailbox.take().empty());
}

TEST_CASE("a post wakes the loop, and so does a stop") {
  Opened opened;
  CHECK(opened.mailbox.post([] {}));
  uv_run(&opened.loop, UV_RUN_NOWAIT);
  CHECK(opened.woken == 1);
  opened.mailbox.stop();
  uv_run(&opened.loop, UV_RUN_NOWAIT);
  CHECK(opened.woken == 2);
}

TEST_CASE("a closed mailbox takes nothing and drops what it had") {
  Mailbox mailbox;
  const auto kept = std::make_shared<int>(0);
  CHECK_FALSE(mailbox.post([kept] {}));
  CHECK(kept.use_count() == 1);
  mailbox.stop();
  CHECK(mailbox.take_stop());
}

TEST_CASE("a task that is dropped may post in its destructor") {
  struct Posts {
    explicit Posts(Mailbox& its) : mailbox(&its) {}
    Posts(Posts&& other) noexcept : mailbox(std::exchange(other.mailbox, nullptr)) {}
    Posts& operator=(Posts&&) = delete;
    ~Posts() {
      if (mailbox != nullptr) CHECK_FALSE(mailbox->post([] {}));
    }
    void operator()() const {}
    Mailbox* mailbox;
  };
  Opened opened;
  CHECK(opened.mailbox.post(Posts(opened.mailbox)));
  opened.mailbox.close();
}

TEST_CASE("a stop is taken once") {
  Mailbox mailbox;
  CHECK_FALSE(mailbox.take_stop());
  mailbox.stop();
  CHECK(mailbox.take_stop());
  CHECK_FALSE(mailbox.take_stop());
}

TEST_SUITE("threaded") {
  TEST_CASE("a mailbox belongs to the thread that runs its loop, of which there is one at a time") {
    Mailbox mailbox;
    CHECK(mailbox.in_thread());
    CHECK_FALSE(mailbox.running());
    std::thread([&mailbox] {
      CHECK_FALSE(mailbox.in_thread());
      CHECK(mailbox.begin_run());
      CHECK(mailbox.in_thread());
      CHECK(mailbox.running());
      CHECK_FALSE(mailbox.begin_run());
      std::thread([&mailbox] { CHECK_FALSE(mailbox.begin_run()); }).join();
      mailbox.end_run();
    }).join();
    CHECK_FALSE(mailbox.running());
    CHECK(mailbox.begin_run());
    CHECK(mailbox.in_thread());
    mailbox.end_run();
  }

  TEST_CASE("other threads are refused beyond the limits, the loop's own is not, and what is taken makes room") {
    Opened opened;
    opened.mailbox.set_limits({.max_tasks = 2, .max_bytes = 100});
    std::thread([&opened] {
      CHECK(opened.mailbox.post([] {}, 100) == PostStatus::taken);
      CHECK(opened.mailbox.post([] {}, 1) == PostStatus::full);
      CHECK(opened.mailbox.post([] {}) == PostStatus::taken);
      CHECK(opened.mailbox.post([] {}) == PostStatus::full);
      CHECK(opened.mailbox.post_past_limits([] {}) == PostStatus::taken);
    }).join();
    CHECK(opened.mailbox.post([] {}, 1000) == PostStatus::taken);
    CHECK(opened.mailbox.take().size() == 4);
    std::thread([&opened] {
      // However large, if no bytes wait.
      CHECK(opened.mailbox.post([] {}, 1000) == PostStatus::taken);
      CHECK(opened.mailbox.post([] {}, SIZE_MAX) == PostStatus::full);
    }).join();
  }

  TEST_CASE("a refused task is dropped, and an ended loop is told apart from a full one") {
    const auto kept = std::make_shared<int>(0);
    Opened opened;
    opened.mailbox.set_limits({.max_tasks = 0, .max_bytes = 0});
    std::thread([&] { CHECK(opened.mailbox.post([kept] {}) == PostStatus::full); }).join();
    CHECK(kept.use_count() == 1);
    opened.mailbox.close();
    CHECK(opened.mailbox.post([kept] {}) == PostStatus::ended);
    CHECK(opened.mailbox.post_past_limits([kept] {}) == PostStatus::ended);
    CHECK(opened.mailbox.post_waiting([kept] {}, 0) == PostStatus::ended);
    CHECK(kept.use_count() == 1);
  }

  TEST_CASE("a poster waits by a callback on its own loop: at once, when there is room, or when the other ends") {
    Opened here;
    const std::shared_ptr<Mailbox> own(&here.mailbox, [](Mailbox*) {});
    Opened other;
    other.mailbox.when_room(own, [] {});
    CHECK(here.mailbox.take().size() == 1);
    CHECK(other.mailbox.post([] {}));
    other.mailbox.when_room(own, [] {});
    CHECK(here.mailbox.empty());
    CHECK(other.mailbox.take().size() == 1);
    CHECK(here.mailbox.take().size() == 1);
    CHECK(other.mailbox.post([] {}));
    other.mailbox.when_room(own, [] {});
    other.mailbox.close();
    CHECK(here.mailbox.take().size() == 1);
    other.mailbox.when_room(own, [] {});
    CHECK(here.mailbox.take().size() == 1);
  }

  TEST_CASE("a thread without a loop blocks until there is room or the loop has ended; one with a loop is refused") {
    Opened opened;
    opened.mailbox.set_limits({.max_tasks = 1, .max_bytes = 100});
    CHECK(opened.mailbox.post([] {}));
    std::thread waits([&] {
      CHECK(opened.mailbox.post_waiting([] {}, 0) == PostStatus::taken);
      opened.mailbox.set_limits({.max_tasks = 0, .max_bytes = 0});
      CHECK(opened.mailbox.post_waiting([] {}, 0) == PostStatus::ended);
    });
    std::size_t taken = 0;
    while (taken < 2) taken += opened.mailbox.take().size();
    opened.mailbox.close();
    waits.join();

    Mailbox another;
    CHECK(another.begin_run());
    CHECK_THROWS_AS(opened.mailbox.post_waiting([] {}, 0), Failure);
    another.end_run();
    Mailbox::adopt_on_thread(1);
    CHECK_THROWS_AS(opened.mailbox.post_waiting([] {}, 0), Failure);
    Mailbox::adopt_on_thread(-1);
  }

  TEST_CASE("threads stop a loop while its mailbox closes") {
    for (int round = 0; round < 100; ++round) {
      std::vector<std::thread> threads;
      const auto kept = std::make_unique<Opened>();
      std::atomic<int> calls{0};
      for (int index = 0; index < 2; ++index) {
        threads.emplace_back([&] {
          for (int count = 0; count < 100; ++count, ++calls) kept->mailbox.stop();
        });
      }
      while (calls < 20) std::this_thread::yield();
      kept->mailbox.close();
      for (std::thread& thread : threads) thread.join();
      CHECK(kept->mailbox.take_stop());
    }
  }
}
