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
  assembly.pace.begin(1);
  REQUIRE(assembly.utf8.feed(as_bytes("\xE2")));
  assembly.reset();
  CHECK(assembly.idle());
  CHECK(assembly.payload.empty());
  CHECK(assembly.payload.capacity() > 0);
  CHECK_FALSE(assembly.invalid);
  CHECK(assembly.message_bytes == 0);
  CHECK(assembly.fragments == 0);
  CHECK(assembly.utf8.complete());
  CHECK_FALSE(assembly.pace.begun());
}

TEST_CASE("of a message payload counts as received, and neither control frames between its frames nor headers") {
  Assembly assembly;
  assembly.head_bytes = 2;
  CHECK(assembly.awaited());
  CHECK(assembly.received() == 0);
  assembly.head_bytes = 0;
  assembly.in_message = assembly.in_frame = true;
  assembly.frame = {.opcode = Opcode::binary, .fin = false, .payload_bytes = 100};
  assembly.message_bytes = 100;
  assembly.remaining = 60;
  CHECK(assembly.received() == 40);
  assembly.remaining = 0;
  assembly.end_frame();
  CHECK(assembly.awaited());
  CHECK(assembly.received() == 100);
  assembly.in_frame = true;
  assembly.frame = {.opcode = Opcode::ping, .payload_bytes = 5};
  assembly.remaining = 3;
  CHECK(assembly.received() == 100);
}

TEST_CASE("a message that is delivered in pieces is awaited within its frames, each with a pace of its own") {
  Assembly assembly;
  assembly.in_pieces = assembly.in_message = assembly.in_frame = true;
  assembly.frame = {.opcode = Opcode::continuation, .fin = false, .payload_bytes = 100};
  assembly.message_bytes = 1'000;
  assembly.remaining = 60;
  assembly.pace.begin(1);
  CHECK(assembly.awaited());
  CHECK(assembly.received() == 40);
  assembly.remaining = 0;
  assembly.end_frame();
  CHECK_FALSE(assembly.awaited());
  CHECK_FALSE(assembly.pace.begun());
  assembly.head_bytes = 1;
  CHECK(assembly.awaited());
  CHECK(assembly.received() == 0);
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
  SUBCASE("others may follow, up to the limit") {
    assembly.frame.fin = false;
    assembly.most_bytes = 1'100;
    add(600);
    add(1);
    CHECK(assembly.payload.capacity() == 1'100);
  }
  SUBCASE("others may follow") {
    assembly.frame.fin = false;
    assembly.most_bytes = 10'000;
    add(600);
    add(1);
    CHECK(assembly.payload.capacity() == 1'200);
  }
}
