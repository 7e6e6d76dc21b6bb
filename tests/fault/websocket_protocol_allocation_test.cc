#include <doctest/doctest.h>
#include <malloc.h>
#include <support/json_text.h>
#include <support/zlib_peer.h>
#include <tidewire/websocket/protocol.h>
#include <algorithm>
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
std::size_t used_bytes = 0;
std::size_t peak_bytes = 0;

void* allocate_or_not(std::size_t size) noexcept {
  ++allocations;
  if (allowed == 0) return nullptr;
  if (allowed != never) --allowed;
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory != nullptr) used_bytes += malloc_usable_size(memory);
  peak_bytes = std::max(peak_bytes, used_bytes);
  return memory;
}

void* allocate(std::size_t size) {
  if (void* memory = allocate_or_not(size)) return memory;
  throw std::bad_alloc();
}

void release(void* memory) noexcept {
  if (memory != nullptr) used_bytes -= malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate_or_not(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate_or_not(size); }
void operator delete(void* memory) noexcept { release(memory); }
void operator delete[](void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { release(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { release(memory); }

using namespace tidewire;
using namespace tidewire::websocket;

namespace {

void append_frame(std::vector<std::byte>& to, Opcode opcode, std::size_t size, bool fin = true) {
  const std::size_t at = to.size();
  to.resize(at + max_header_bytes);
  to.resize(at + encode_header({.opcode = opcode, .fin = fin, .masked = true, .payload_bytes = size}, to.data() + at));
  to.resize(to.size() + size, std::byte{'x'});
}

void append_compressed(std::vector<std::byte>& to, std::string_view payload) {
  const std::size_t at = to.size();
  to.resize(at + max_header_bytes);
  to.resize(at + encode_header({.opcode = Opcode::text, .rsv1 = true, .masked = true, .payload_bytes = payload.size()},
                               to.data() + at));
  to.insert(to.end(), as_bytes(payload).begin(), as_bytes(payload).end());
}

// Feeds `bytes` in pieces of `step` and returns the last event.
Event play(Protocol& protocol, SpareAssembly& spare, MutableBytes bytes, std::size_t step, Inflater* window = nullptr) {
  Event last;
  while (!bytes.empty()) {
    MutableBytes piece = bytes.first(std::min(step, bytes.size()));
    bytes = bytes.subspan(piece.size());
    while (auto event = protocol.next(piece, {}, spare, window)) last = *event;
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

TEST_CASE("compressed messages allocate nothing once the loop's spare has grown") {
  for (const DeflateBackend backend : deflate_backends()) {
    for (const bool takeover : {false, true}) {
      SpareAssembly spare(std::size_t{1} << 20, backend);
      Inflater window(spare.engines(), {.takeover = true});
      Protocol protocol(Role::server);
      protocol.use_deflate({.peer_takeover = takeover});
      std::vector<std::byte> input;
      for (unsigned round = 0; round < 10; ++round) {
        append_compressed(input, testing::deflated(support::json_text(20'000, round)));
      }
      std::vector<std::byte> again = input, first = input;
      for (MutableBytes bytes : {MutableBytes(first), MutableBytes(input)}) {
        (void)play(protocol, spare, bytes, 1'000, &window);
      }
      const std::size_t before = allocations;
      const Event last = play(protocol, spare, again, 1'000, &window);
      CHECK(allocations == before);
      CHECK(last.kind == Event::Kind::message);
    }
  }
}

TEST_CASE("when memory runs out amid compressed messages, the connection ends and the process goes on") {
  const std::string text = support::json_text(50'000);
  for (const DeflateBackend backend : deflate_backends()) {
    for (const bool takeover : {false, true}) {
      for (std::size_t successes = 0;; ++successes) {
        REQUIRE(successes < 200);
        std::vector<std::byte> input;
        testing::ZlibDeflater peer;
        append_compressed(input, takeover ? peer(text) : testing::deflated(text));
        append_compressed(input, takeover ? peer(text) : testing::deflated(text));
        SpareAssembly spare(std::size_t{1} << 20, backend);
        Inflater window(spare.engines(), {.takeover = true});
        Protocol protocol(Role::server);
        protocol.use_deflate({.peer_takeover = takeover});
        allowed = successes;
        const Event last = play(protocol, spare, input, 100, &window);
        const bool ran_out = allowed == 0;
        allowed = never;
        if (last.kind == Event::Kind::message) {
          CHECK(last.payload.size() == text.size());
          CHECK(successes > 0);
          break;
        }
        REQUIRE(last.kind == Event::Kind::violation);
        CHECK(ran_out);
        CHECK(last.cause == Cause::out_of_memory);
        CHECK(last.code == CloseCode::internal_error);
        // What is shared with other connections serves them.
        Protocol other(Role::server);
        other.use_deflate({});
        std::vector<std::byte> good;
        append_compressed(good, testing::deflated(text));
        CHECK(play(other, spare, good, 100).kind == Event::Kind::message);
      }
    }
  }
}

TEST_CASE("a bomb takes no more memory than its limit twice, and what inflates it") {
  std::string bomb = testing::ZlibDeflater()(std::string(100'000'000, '\0'));
  for (const DeflateBackend backend : deflate_backends()) {
    for (const std::size_t limit : {std::size_t{1'000}, std::size_t{300'000}, std::size_t{1} << 20}) {
      for (const bool in_pieces : {false, true}) {
        std::vector<std::byte> input;
        append_compressed(input, bomb);
        SpareAssembly spare(std::size_t{1} << 20, backend);
        Protocol protocol(Role::server);
        protocol.use_deflate({});
        const std::size_t before = peak_bytes = used_bytes;
        // The bytes on the wire are few enough, so that the limit is met while inflating.
        const Limits limits{.max_message_bytes = std::max(limit, bomb.size() / 2), .deliver_fragments = in_pieces};
        MutableBytes rest = input;
        Event last;
        while (auto event = protocol.next(rest, limits, spare)) last = *event;
        CHECK(last.code == CloseCode::message_too_big);
        CHECK(last.reason == "message too big when inflated");
        const std::size_t own = std::size_t{300} << 10;
        CHECK(peak_bytes - before < own + (in_pieces ? 0 : 2 * limits.max_message_bytes));
      }
    }
  }
}
