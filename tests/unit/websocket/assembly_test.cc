#include <doctest/doctest.h>
#include <tidewire/websocket/assembly.h>

using namespace tidewire;
using namespace tidewire::websocket;

TEST_CASE("an assembly is idle unless a header, a frame or a message is under way") {
  Assembly assembly;
  CHECK(assembly.idle());
  assembly.head_bytes = 1;
  CHECK_FALSE(assembly.idle());
  assembly.head_bytes = 0;
  assembly.in_frame = true;
  CHECK_FALSE(assembly.idle());
  assembly.in_frame = false;
  assembly.in_message = true;
  CHECK_FALSE(assembly.idle());
}

TEST_CASE("a reset assembly keeps its memory and nothing of its message") {
  Assembly assembly;
  assembly.payload.append(as_bytes("some of a message"));
  assembly.in_message = assembly.in_frame = assembly.invalid = true;
  assembly.message_bytes = 17;
  assembly.fragments = 3;
  REQUIRE(assembly.utf8.feed(as_bytes("\xE2")));
  assembly.reset();
  CHECK(assembly.idle());
  CHECK(assembly.payload.empty());
  CHECK(assembly.payload.capacity() > 0);
  CHECK_FALSE(assembly.invalid);
  CHECK(assembly.message_bytes == 0);
  CHECK(assembly.fragments == 0);
  CHECK(assembly.utf8.complete());
}

TEST_CASE("room for a message grows by doubling, but not beyond the end of its last frame") {
  Assembly assembly;
  assembly.message_bytes = 1'000;
  const auto add = [&](std::size_t count) {
    REQUIRE(assembly.room(count).size() >= count);
    assembly.payload.commit(count);
  };
  SUBCASE("the last frame") {
    add(300);
    CHECK(assembly.payload.capacity() == 300);
    add(1);
    CHECK(assembly.payload.capacity() == 600);
    add(300);
    CHECK(assembly.payload.capacity() == 1'000);
  }
  SUBCASE("others may follow") {
    assembly.frame.fin = false;
    add(600);
    add(1);
    CHECK(assembly.payload.capacity() == 1'200);
  }
}
