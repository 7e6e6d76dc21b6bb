#include <doctest/doctest.h>
#include <support/run.h>
#include <support/streams.h>
#include <tidewire/transport/loop_buffers.h>
#include <vector>

using namespace tidewire;
using namespace tidewire::testing;
using transport::LoopBuffers;
using transport::PendingOutput;

TEST_CASE("held writes lie one behind the other, until they are dropped") {
  Loop loop;
  LoopBuffers buffers(loop);
  CHECK(buffers.room().size() == LoopBuffers::held_bytes);
  buffers.add(as_bytes("head "), as_bytes("body "));
  buffers.add({}, {});
  buffers.room()[0] = std::byte{'!'};
  buffers.add(1);
  CHECK(as_text(buffers.held()) == "head body !");
  CHECK(buffers.room().size() == LoopBuffers::held_bytes - 11);
  buffers.drop_held();
  CHECK(buffers.held().empty());
}

TEST_CASE("pending output that is given back serves the next, empty") {
  Loop loop;
  LoopBuffers buffers(loop);
  auto [stream, other] = Tcp::connect(loop);
  auto& owner = static_cast<PendingOutput::Owner&>(*stream);
  PendingOutput* pending = buffers.take_pending(owner);
  CHECK(pending->owner == &owner);
  pending->queue.append(as_bytes("text"));
  pending->progress = true;
  buffers.give_back(pending);
  PendingOutput* again = buffers.take_pending(owner);
  CHECK(again == pending);
  CHECK(again->queue.empty());
  CHECK_FALSE(again->progress);
  PendingOutput::drop(again);
}

TEST_CASE("pending output that the loop still lists is not given to another stream") {
  Loop loop;
  LoopBuffers buffers(loop);
  auto [stream, other] = Tcp::connect(loop);
  auto& owner = static_cast<PendingOutput::Owner&>(*stream);
  PendingOutput* pending = buffers.take_pending(owner);
  pending->dirty = true;
  loop.flush_later(*pending);
  buffers.give_back(pending);
  PendingOutput* next = buffers.take_pending(owner);
  CHECK(next != pending);
  PendingOutput::drop(next);
  loop.run_once(false);
}
