#include <doctest/doctest.h>
#include <support/consumers.h>
#include <tidewire/transport/output_queue.h>
#include <array>
#include <cstring>
#include <random>
#include <string>
#include <vector>

using namespace tidewire;
using namespace tidewire::testing;
using transport::OutputQueue;

namespace {

std::string front_text(const OutputQueue& queue, std::size_t pieces = 64, std::size_t most = SIZE_MAX) {
  std::array<Bytes, 64> found;
  const std::size_t count = queue.front(std::span(found).first(pieces), most);
  std::string text;
  for (std::size_t index = 0; index < count; ++index) text += as_text(found[index]);
  return text;
}

}  // namespace

TEST_CASE("a queue gives out what was added, in order, and counts it") {
  OutputQueue queue;
  CHECK(queue.empty());
  queue.append(as_bytes("head "), as_bytes("body "));
  queue.append(SharedBytes::copy_of(as_bytes("shared ")));
  queue.append(as_bytes("tail"));
  CHECK(queue.size() == 21);
  CHECK(front_text(queue) == "head body shared tail");
}

TEST_CASE("copies are gathered into one piece, shared bytes are pieces by reference") {
  OutputQueue queue;
  const SharedBytes shared = SharedBytes::copy_of(as_bytes(std::string(512, 's')));
  for (int index = 0; index < 10; ++index) queue.append(as_bytes("copy"));
  queue.append(shared);
  std::array<Bytes, 8> pieces;
  REQUIRE(queue.front(pieces, SIZE_MAX) == 2);
  CHECK(pieces[0].size() == 40);
  CHECK(pieces[1].data() == shared.view().data());
}

TEST_CASE("shared bytes that are small are a reference while they are alone, and copies when they wait with others") {
  OutputQueue queue;
  const SharedBytes shared = SharedBytes::copy_of(as_bytes("shared "));
  queue.append(shared);
  std::array<Bytes, 8> pieces;
  REQUIRE(queue.front(pieces, SIZE_MAX) == 1);
  CHECK(pieces[0].data() == shared.view().data());
  queue.append(shared);
  queue.append(shared);
  CHECK(front_text(queue) == "shared shared shared ");
  CHECK(queue.front(pieces, SIZE_MAX) == 2);
}

namespace {

constexpr std::size_t fixed_bytes = 512 * 1024;

/// What of the blocks of shared bytes a queue may be the only one to hold, with malloc's share.
constexpr std::size_t block_bytes = 32;

}  // namespace

TEST_CASE("the memory of what waits is bounded by its bytes, whatever the pieces") {
  constexpr std::size_t waiting = std::size_t{1} << 20;
  std::vector<std::size_t> sizes;
  SUBCASE("empty frames that are shared") { sizes = {2}; }
  SUBCASE("small ones that are shared") { sizes = {100}; }
  SUBCASE("some just large enough for a reference") { sizes = {512}; }
  SUBCASE("such, and tiny copies between them") { sizes = {512, 0, 2}; }
  SUBCASE("copies") { sizes = {0, 2, 0, 300}; }
  SUBCASE("copies that leave little of a buffer") { sizes = {0, 130'000}; }
  OutputQueue queue;
  std::size_t shared_blocks = 0;
  while (queue.size() < waiting) {
    for (std::size_t index = 0; index < sizes.size(); ++index) {
      const bool copy = sizes[index] == 0;
      if (copy) ++index;
      const std::string text(sizes[index], 'x');
      if (copy) {
        queue.append(as_bytes(text));
      } else {
        queue.append(SharedBytes::copy_of(as_bytes(text)));
        if (text.size() >= 512) shared_blocks += text.size() + block_bytes;
      }
      REQUIRE(queue.memory_bytes() + shared_blocks <= queue.size() + queue.size() / 2 + fixed_bytes);
    }
  }
  // A reader that takes a little at a time must not have us keep what it took.
  shared_blocks = 0;
  while (!queue.empty()) {
    queue.consume(std::min<std::size_t>(queue.size(), 10'000));
    if (sizes.front() == 512) continue;
    CHECK(queue.memory_bytes() <= queue.size() + queue.size() / 2 + fixed_bytes);
  }
  CHECK(queue.memory_bytes() <= 20 * 1024);
}

TEST_CASE("front gives no more pieces and no more bytes than it was asked for") {
  OutputQueue queue;
  const std::string text = pattern(600, 1);
  for (int index = 0; index < 10; ++index) queue.append(SharedBytes::copy_of(as_bytes(text)));
  CHECK(front_text(queue, 3) == text + text + text);
  CHECK(front_text(queue, 64, 700) == text + text.substr(0, 100));
}

TEST_CASE("consuming leaves the rest, whatever the steps") {
  std::mt19937 random(1);
  OutputQueue queue;
  std::string expected;
  for (unsigned round = 0; round < 3000; ++round) {
    const std::string text = pattern(random() % 300, round);
    if (random() % 2 == 0) {
      queue.append(as_bytes(text));
    } else {
      queue.append(SharedBytes::copy_of(as_bytes(text)));
    }
    expected += text;
    const std::size_t count = std::min<std::size_t>(random() % 301, expected.size());
    queue.consume(count);
    expected.erase(0, count);
    REQUIRE(queue.size() == expected.size());
    REQUIRE(expected.starts_with(front_text(queue)));
  }
  queue.consume(queue.size());
  CHECK(queue.empty());
  CHECK(front_text(queue).empty());
}

TEST_CASE("adding nothing adds nothing") {
  OutputQueue queue;
  queue.append({}, {});
  queue.append(SharedBytes());
  CHECK(queue.empty());
  CHECK(front_text(queue).empty());
}

TEST_CASE("reserved room becomes output by commit, as much as was used") {
  OutputQueue queue;
  queue.append(as_bytes("before "));
  const MutableBytes room = queue.reserve(100);
  REQUIRE(room.size() >= 100);
  std::memcpy(room.data(), "after", 5);
  queue.commit(5);
  CHECK(front_text(queue) == "before after");
}

TEST_CASE("room that was reserved and not used does not come between") {
  OutputQueue queue;
  (void)queue.reserve(10);
  queue.append(SharedBytes::copy_of(as_bytes("one ")));
  (void)queue.reserve(10);
  queue.append(SharedBytes::copy_of(as_bytes("two")));
  CHECK(front_text(queue) == "one two");
  queue.consume(7);
  CHECK(queue.empty());
}

TEST_CASE("clear drops everything, and the queue serves again") {
  OutputQueue queue;
  queue.append(as_bytes("gone"));
  queue.append(SharedBytes::copy_of(as_bytes("gone")));
  queue.clear();
  CHECK(queue.empty());
  queue.append(as_bytes("again"));
  CHECK(front_text(queue) == "again");
}

TEST_CASE("a queue that never runs empty lets go of what was written") {
  OutputQueue queue;
  SharedBytes watched;
  for (int index = 0; index < 1000; ++index) {
    queue.append(SharedBytes::copy_of(as_bytes("0123456789")));
    if (index > 0) queue.consume(10);
  }
  CHECK(queue.size() == 10);
  CHECK(front_text(queue) == "0123456789");
}
