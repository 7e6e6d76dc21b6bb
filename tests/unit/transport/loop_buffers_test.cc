#include <doctest/doctest.h>
#include <support/run.h>
#include <tidewire/transport/loop_buffers.h>

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
