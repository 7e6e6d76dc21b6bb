#include <doctest/doctest.h>
#include <tidewire/websocket/protocol.h>
#include <cstdlib>
#include <limits>
#include <new>
#include <string>
#include <vector>

// This program's own allocations, counted, and failing on request.
namespace {

constexpr std::size_t never = std::numeric_limits<std::size_t>::max();
std::size_t allocations = 0;
std::size_t allowed = never;

void* allocate(std::size_t size) {
  ++allocations;
  if (allowed == 0) throw std::bad_alloc();
  if (allowed != never) --allowed;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

using namespace tidewire;
using namespace tidewire::websocket;

namespace {

void append_frame(std::vector<std::byte>& to, Opcode opcode, std::size_t size, bool fin = true) {
  const std::size_t at = to.size();
  to.resize(at + max_header_bytes);
  to.resize(at + encode_header({.opcode = opcode, .fin = fin, .masked = true, .payload_bytes = size}, to.data() + at));
  to.resize(to.size() + size, std::byte{'x'});
}

// Feeds `bytes` in pieces of `step` and returns the last event.
Event play(Protocol& protocol, SpareAssembly& spare, MutableBytes bytes, std::size_t step) {
  Event last;
  while (!bytes.empty()) {
    MutableBytes piece = bytes.first(std::min(step, bytes.size()));
    bytes = bytes.subspan(piece.size());
    while (auto event = protocol.next(piece, {}, spare)) last = *event;
  }
  return last;
}

}  // namespace

TEST_CASE("messages within one input allocate nothing") {
  std::vector<std::byte> input;
  for (const std::size_t size : {0UL, 20UL, 100UL, 1'000UL, 100'000UL}) append_frame(input, Opcode::text, size);
  append_frame(input, Opcode::ping, 10);
  Protocol protocol(Role::server);
  SpareAssembly spare;
  MutableBytes rest = input;
  std::size_t events = 0;
  const std::size_t before = allocations;
  while (protocol.next(rest, {}, spare)) ++events;
  CHECK(allocations == before);
  CHECK(events == 6);
}

TEST_CASE("messages that span inputs allocate nothing once the loop's spare has grown") {
  std::vector<std::byte> input;
  for (int i = 0; i < 10; ++i) {
    append_frame(input, Opcode::text, 10'000, false);
    append_frame(input, Opcode::continuation, 10'000);
  }
  std::vector<std::byte> again = input;
  Protocol protocol(Role::server);
  SpareAssembly spare;
  (void)play(protocol, spare, input, 1'000);
  const std::size_t before = allocations;
  (void)play(protocol, spare, again, 1'000);
  CHECK(allocations == before);
}

TEST_CASE("control frames allocate nothing to be sent") {
  Protocol protocol(Role::server);
  const std::size_t before = allocations;
  const bool sent = protocol.ping(as_bytes("ping")) && protocol.close(CloseCode::normal, "bye");
  CHECK(allocations == before);
  CHECK(sent);
}

TEST_CASE("when memory runs out, at whichever allocation, the connection ends and the process goes on") {
  for (std::size_t successes = 0;; ++successes) {
    REQUIRE(successes < 100);
    std::vector<std::byte> input;
    append_frame(input, Opcode::binary, 50'000, false);
    append_frame(input, Opcode::ping, 100);
    append_frame(input, Opcode::continuation, 50'000);
    Protocol protocol(Role::server);
    SpareAssembly spare;
    allowed = successes;
    const Event last = play(protocol, spare, input, 100);
    const bool ran_out = allowed == 0;
    allowed = never;
    if (last.kind == Event::Kind::message) {
      CHECK(last.payload.size() == 100'000);
      CHECK(successes > 0);
      break;
    }
    REQUIRE(last.kind == Event::Kind::violation);
    CHECK(ran_out);
    CHECK(last.cause == Cause::out_of_memory);
    CHECK(last.code == CloseCode::internal_error);
    CHECK(protocol.state() == State::close_received);
    CHECK(protocol.close_reply());
  }
}

TEST_CASE("when memory runs out there is no space to read into, and nothing is lost") {
  std::vector<std::byte> input;
  append_frame(input, Opcode::binary, 200'000);
  Protocol protocol(Role::server);
  SpareAssembly spare;
  (void)play(protocol, spare, MutableBytes(input).first(1'000), 1'000);
  allowed = 0;
  const MutableBytes space = protocol.receive_space(1);
  allowed = never;
  CHECK(space.empty());
  const Event last = play(protocol, spare, MutableBytes(input).subspan(1'000), 1'000);
  CHECK(last.kind == Event::Kind::message);
  CHECK(last.payload.size() == 200'000);
}
