#include <doctest/doctest.h>
#include <tidewire/core/buffer.h>
#include <new>
#include <string>
#include <utility>

using namespace tidewire;

TEST_CASE("an empty buffer owns no memory") {
  const Buffer buffer;
  CHECK(buffer.empty());
  CHECK(buffer.capacity() == 0);
  CHECK(buffer.view().empty());
}

TEST_CASE("a buffer holds what was appended, in order") {
  Buffer buffer;
  std::string all;
  for (int index = 0; index < 1000; ++index) {
    const std::string piece = std::to_string(index) + ",";
    buffer.append(as_bytes(piece));
    all += piece;
  }
  CHECK(as_text(buffer.view()) == all);
}

TEST_CASE("appending nothing does nothing") {
  Buffer buffer;
  buffer.append({});
  CHECK(buffer.capacity() == 0);
}

TEST_CASE("what is consumed leaves at the front") {
  Buffer buffer;
  buffer.append(as_bytes("abcdef"));
  buffer.consume(2);
  CHECK(as_text(buffer.view()) == "cdef");
  buffer.consume(4);
  CHECK(buffer.empty());
  CHECK(buffer.spare() == buffer.capacity());
}

TEST_CASE("prepared bytes become contents by commit") {
  Buffer buffer;
  const MutableBytes room = buffer.prepare(3);
  REQUIRE(room.size() >= 3);
  room[0] = room[1] = std::byte{'x'};
  CHECK(buffer.empty());
  buffer.commit(2);
  CHECK(as_text(buffer.view()) == "xx");
}

TEST_CASE("what is dropped leaves at the back") {
  Buffer buffer;
  buffer.append(as_bytes("abcdef"));
  buffer.consume(1);
  buffer.drop_back(2);
  CHECK(as_text(buffer.view()) == "bcd");
  buffer.append(as_bytes("x"));
  CHECK(as_text(buffer.view()) == "bcdx");
  buffer.drop_back(4);
  CHECK(buffer.empty());
  CHECK(buffer.spare() == buffer.capacity());
}

TEST_CASE("a buffer that is consumed as fast as it fills does not grow") {
  Buffer buffer;
  buffer.append(as_bytes(std::string(100, 'x')));
  const std::size_t capacity = buffer.capacity();
  for (int round = 0; round < 1000; ++round) {
    buffer.append(as_bytes("0123456789"));
    buffer.consume(10);
  }
  CHECK(buffer.capacity() == capacity);
  CHECK(buffer.size() == 100);
  CHECK(as_text(buffer.view()).ends_with("0123456789"));
}

TEST_CASE("clear keeps the memory, release gives it back") {
  Buffer buffer;
  buffer.append(as_bytes("text"));
  buffer.clear();
  CHECK(buffer.empty());
  CHECK(buffer.capacity() > 0);
  buffer.release();
  CHECK(buffer.capacity() == 0);
  buffer.append(as_bytes("again"));
  CHECK(as_text(buffer.view()) == "again");
}

TEST_CASE("a moved buffer takes the contents along and leaves an empty one") {
  Buffer from;
  from.append(as_bytes("text"));
  from.consume(1);
  Buffer to(std::move(from));
  CHECK(as_text(to.view()) == "ext");
  from = Buffer();
  CHECK(from.empty());
  from.append(as_bytes("new"));
  to = std::move(from);
  CHECK(as_text(to.view()) == "new");
}

TEST_CASE("a size that no memory can hold throws bad_alloc and leaves the contents") {
  Buffer buffer;
  buffer.append(as_bytes("text"));
  CHECK_THROWS_AS((void)buffer.prepare(SIZE_MAX), std::bad_alloc);
  CHECK_THROWS_AS((void)buffer.prepare(SIZE_MAX / 4 - 3), std::bad_alloc);
  CHECK(as_text(buffer.view()) == "text");
}

TEST_CASE("reallocating moves the contents to memory of just that size") {
  Buffer buffer;
  buffer.reallocate(1000);
  CHECK(buffer.capacity() == 1000);
  CHECK(buffer.empty());
  buffer.append(as_bytes("some text"));
  buffer.consume(5);
  buffer.reallocate(300);
  CHECK(as_text(buffer.view()) == "text");
  CHECK(buffer.capacity() == 300);
  CHECK(buffer.spare() == 296);
  buffer.reallocate(4);
  CHECK(as_text(buffer.view()) == "text");
  CHECK(buffer.spare() == 0);
}
