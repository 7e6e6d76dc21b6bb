#include <doctest/doctest.h>
#include <tidewire/websocket/assembly.h>
#include <tidewire/websocket/spare_assembly.h>
#include <string>

using namespace tidewire;
using namespace tidewire::websocket;

namespace {

Buffer buffer_of(std::size_t bytes) {
  Buffer buffer;
  buffer.append(as_bytes(std::string(bytes, 'x')));
  return buffer;
}

}  // namespace

TEST_CASE("what was put back is taken again, without its message, and its memory by itself") {
  SpareAssembly spare;
  auto first = spare.take();
  const Assembly* const address = first.get();
  first->payload = buffer_of(5'000);
  spare.put(std::move(first));
  const auto second = spare.take();
  CHECK(second.get() == address);
  CHECK(second->payload.capacity() == 0);
  const Buffer payload = spare.take_payload();
  CHECK(payload.empty());
  CHECK(payload.capacity() >= 5'000);
  CHECK(spare.take_payload().capacity() == 0);
}

TEST_CASE("two connections at once have an assembly each") {
  SpareAssembly spare;
  auto first = spare.take();
  auto second = spare.take();
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first != second);
  const Assembly* const address = first.get();
  spare.put(std::move(first));
  spare.put(std::move(second));
  CHECK(spare.take().get() == address);
}

TEST_CASE("of the memory of two messages the larger is kept") {
  SpareAssembly spare;
  spare.put_payload(buffer_of(5'000));
  spare.put_payload(buffer_of(50'000));
  spare.put_payload(buffer_of(500));
  CHECK(spare.take_payload().capacity() == 50'000);
}

TEST_CASE("memory that has grown beyond the largest limit isn't kept, and none beyond the bound") {
  SpareAssembly spare(1'000);
  spare.put_payload(buffer_of(6'000));
  CHECK(spare.take_payload().capacity() == 0);
  spare.keep_up_to(6'000);
  spare.keep_up_to(500);
  spare.put_payload(buffer_of(6'000));
  CHECK(spare.take_payload().capacity() == 6'000);
  spare.keep_up_to(SIZE_MAX);
  spare.put_payload(buffer_of(SpareAssembly::most_kept_bytes + 8'000));
  CHECK(spare.take_payload().capacity() == 0);
}
