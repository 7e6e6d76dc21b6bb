#include <doctest/doctest.h>
#include <tidewire/core/mailbox.h>
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
  TEST_CASE("a mailbox belongs to the thread that says so") {
    Mailbox mailbox;
    CHECK(mailbox.in_thread());
    std::thread([&mailbox] {
      CHECK_FALSE(mailbox.in_thread());
      mailbox.set_thread();
      CHECK(mailbox.in_thread());
    }).join();
    CHECK_FALSE(mailbox.in_thread());
  }
}
