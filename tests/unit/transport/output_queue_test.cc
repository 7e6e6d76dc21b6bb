#include <doctest/doctest.h>
#include <support/consumers.h>
#include <tidewire/transport/output_queue.h>
#include <array>
#include <cstring>
#include <random>
#include <string>

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
  const SharedBytes shared = SharedBytes::copy_of(as_bytes("shared"));
  for (int index = 0; index < 10; ++index) queue.append(as_bytes("copy"));
  queue.append(shared);
  std::array<Bytes, 8> pieces;
  REQUIRE(queue.front(pieces, SIZE_MAX) == 2);
  CHECK(pieces[0].size() == 40);
  CHECK(pieces[1].data() == shared.view().data());
}

TEST_CASE("front gives no more pieces and no more bytes than it was asked for") {
  OutputQueue queue;
  for (int index = 0; index < 10; ++index) queue.append(SharedBytes::copy_of(as_bytes("0123456789")));
  CHECK(front_text(queue, 3) == "012345678901234567890123456789");
  CHECK(front_text(queue, 64, 15) == "012345678901234");
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
