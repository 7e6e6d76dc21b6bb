#include <doctest/doctest.h>
#include <support/consumers.h>
#include <support/run.h>
#include <tidewire/transport/memory_stream.h>

using namespace tidewire;
using namespace tidewire::testing;
using transport::memory_pair;

TEST_CASE("a memory stream delivers no more at once than its chunk") {
  Loop loop;
  auto [one, other] = memory_pair(loop, {.chunk_bytes = 1});
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  std::size_t longest = 0;
  far.data = [&](std::string_view text) { longest = std::max(longest, text.size()); };
  near.write(pattern(100));
  run_until(loop, [&] { return far.received.size() == 100; });
  CHECK(far.received == pattern(100));
  CHECK(longest == 1);
}

TEST_CASE("a memory stream holds back what is beyond its capacity") {
  Loop loop;
  auto [one, other] = memory_pair(loop, {.capacity_bytes = 10});
  Recorder near(std::move(one));
  Recorder far(std::move(other), false);
  near.write(pattern(100));
  settle(loop);
  CHECK(near.stream->queued_bytes() == 90);
  far.stream->resume();
  run_until(loop, [&] { return far.received.size() == 100; });
  CHECK(near.stream->queued_bytes() == 0);
}

TEST_CASE("a memory stream is reset at any byte, for both ends") {
  for (std::size_t after = 0; after < 20; ++after) {
    CAPTURE(after);
    Loop loop;
    auto [one, other] = memory_pair(loop, {.chunk_bytes = 1, .reset_after_bytes = after});
    Recorder near(std::move(one));
    Recorder far(std::move(other));
    near.write(pattern(20));
    run_until(loop, [&] { return near.failures.size() == 1 && far.failures.size() == 1; });
    CHECK(far.received.size() <= after);
    CHECK(near.failures[0].code == std::errc::connection_reset);
  }
}

TEST_CASE("a memory stream keeps its loop running while something is on its way, and no longer") {
  Loop loop;
  auto [one, other] = memory_pair(loop);
  Recorder near(std::move(one));
  Recorder far(std::move(other));
  near.write("text");
  loop.run();
  CHECK(far.received == "text");
}

TEST_CASE("a memory stream has no addresses") {
  Loop loop;
  const auto [one, other] = memory_pair(loop);
  CHECK(one->local_address() == transport::Address());
  CHECK(one->peer_address().to_string().empty());
  CHECK(&one->loop() == &loop);
}
