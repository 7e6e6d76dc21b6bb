#include <doctest/doctest.h>
#include <tidewire/core/resume_queue.h>
#include <memory>
#include <vector>

using namespace tidewire;

namespace {

struct Waiting final : Resumable {
  Waiting(std::vector<int>& all, int mine) : order(all), number(mine) {}
  void go_on() noexcept override {
    order.push_back(number);
    if (queue != nullptr) queue->add(*this);
  }
  std::vector<int>& order;
  int number;
  ResumeQueue* queue = nullptr;
};

}  // namespace

TEST_CASE("what waits to resume is served in order, and one that waits again goes to the end") {
  std::vector<int> order;
  ResumeQueue queue;
  Waiting one(order, 1);
  Waiting two(order, 2);
  one.queue = &queue;
  queue.add(one);
  queue.add(two);
  queue.add(one);
  CHECK(queue.size() == 2);
  CHECK(one.waits_to_resume());
  for (int turn = 0; turn < 3; ++turn) queue.serve_first();
  CHECK(order == std::vector{1, 2, 1});
  CHECK(queue.size() == 1);
  CHECK_FALSE(two.waits_to_resume());
}

TEST_CASE("what is cancelled or destroyed is not served") {
  std::vector<int> order;
  ResumeQueue queue;
  Waiting one(order, 1);
  auto two = std::make_unique<Waiting>(order, 2);
  Waiting three(order, 3);
  for (Waiting* waiting : {&one, two.get(), &three}) queue.add(*waiting);
  two.reset();
  three.cancel_resume();
  three.cancel_resume();
  queue.serve_first();
  CHECK(queue.empty());
  queue.add(three);
  queue.serve_first();
  CHECK(order == std::vector{1, 3});
}

TEST_CASE("a queue may end before what waits in it") {
  std::vector<int> order;
  Waiting one(order, 1);
  {
    ResumeQueue queue;
    queue.add(one);
  }
  CHECK_FALSE(one.waits_to_resume());
}
