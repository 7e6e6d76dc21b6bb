#include <doctest/doctest.h>
#include <tidewire/core/shared_bytes.h>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace tidewire;

TEST_CASE("shared bytes are a copy, and copies of them the same bytes") {
  std::string text = "text";
  const SharedBytes one = SharedBytes::copy_of(as_bytes(text));
  text = "gone";
  const SharedBytes other = one;
  CHECK(as_text(one.view()) == "text");
  CHECK(other.view().data() == one.view().data());
}

TEST_CASE("no bytes are empty, shared or not") {
  CHECK(SharedBytes().empty());
  CHECK(SharedBytes().view().empty());
  CHECK(SharedBytes::copy_of({}).empty());
}

TEST_CASE("shared bytes live until their last reference has gone") {
  SharedBytes kept;
  {
    const SharedBytes made = SharedBytes::make(3, [](MutableBytes into) { std::memcpy(into.data(), "abc", 3); });
    kept = made;
  }
  const SharedBytes moved = std::move(kept);
  CHECK(kept.empty());
  CHECK(as_text(moved.view()) == "abc");
}

TEST_CASE("shared bytes may be assigned to themselves") {
  SharedBytes bytes = SharedBytes::copy_of(as_bytes("text"));
  const SharedBytes& same = bytes;
  bytes = same;
  CHECK(as_text(bytes.view()) == "text");
}

TEST_CASE("filling that throws leaves nothing behind") {
  CHECK_THROWS_AS((void)SharedBytes::make(8, [](MutableBytes) { throw std::runtime_error("on purpose"); }),
                  std::runtime_error);
}

TEST_CASE("a size that no memory can hold throws bad_alloc") {
  CHECK_THROWS_AS((void)SharedBytes::make(SIZE_MAX, [](MutableBytes) {}), std::bad_alloc);
}

TEST_SUITE("threaded") {
  TEST_CASE("threads copy and drop references to the same bytes") {
    const SharedBytes bytes = SharedBytes::copy_of(as_bytes("text"));
    std::vector<std::thread> threads;
    for (int index = 0; index < 4; ++index) {
      threads.emplace_back([mine = bytes] {
        for (int round = 0; round < 1000; ++round) {
          const SharedBytes copy = mine;
          if (as_text(copy.view()) != "text") std::terminate();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(as_text(bytes.view()) == "text");
  }
}
