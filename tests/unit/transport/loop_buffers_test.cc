#include <doctest/doctest.h>
#include <support/run.h>
#include <tidewire/transport/loop_buffers.h>
#include <memory>
#include <string>
#include <vector>

using namespace tidewire;
using namespace tidewire::testing;
using transport::LoopBuffers;

TEST_CASE("pending output that is given back serves the next, empty") {
  Loop loop;
  LoopBuffers buffers(loop);
  auto pending = buffers.take_pending();
  const auto* const first = pending.get();
  pending->queue.append(as_bytes("text"));
  pending->progress = true;
  buffers.give_back(std::move(pending));
  const auto again = buffers.take_pending();
  CHECK(again.get() == first);
  CHECK(again->queue.empty());
  CHECK_FALSE(again->progress);
}

TEST_CASE("streams that wait at the same time have pending output of their own") {
  Loop loop;
  LoopBuffers buffers(loop);
  const auto one = buffers.take_pending();
  const auto other = buffers.take_pending();
  CHECK(one.get() != other.get());
}

TEST_CASE("what many streams needed for waiting is not all kept") {
  Loop loop;
  LoopBuffers buffers(loop);
  std::vector<std::unique_ptr<transport::PendingOutput>> taken;
  const std::string text(10'000, 'x');
  for (int count = 0; count < 2'000; ++count) {
    taken.push_back(buffers.take_pending());
    taken.back()->queue.append(as_bytes(text));
  }
  for (auto& pending : taken) buffers.give_back(std::move(pending));
  std::size_t kept = 0;
  for (auto& pending : taken) {
    pending = buffers.take_pending();
    kept += pending->queue.memory_bytes();
  }
  CHECK(kept > LoopBuffers::spare_bytes / 2);
  CHECK(kept <= LoopBuffers::spare_bytes);
}
