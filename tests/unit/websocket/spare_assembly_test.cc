#include <doctest/doctest.h>
#include <tidewire/websocket/assembly.h>
#include <tidewire/websocket/spare_assembly.h>
#include <string>

using namespace tidewire;
using namespace tidewire::websocket;

namespace {

std::unique_ptr<Assembly> used(SpareAssembly& spare, std::size_t bytes) {
  auto assembly = spare.take();
  assembly->payload.append(as_bytes(std::string(bytes, 'x')));
  return assembly;
}

}  // namespace

TEST_CASE("what was put back is taken again, with its memory and without its message") {
  SpareAssembly spare;
  auto first = used(spare, 5'000);
  const Assembly* const address = first.get();
  spare.put(std::move(first));
  const auto second = spare.take();
  CHECK(second.get() == address);
  CHECK(second->payload.empty());
  CHECK(second->payload.capacity() >= 5'000);
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

TEST_CASE("memory that has grown beyond the bound isn't kept") {
  SpareAssembly spare(1'000);
  spare.put(used(spare, 5'000));
  CHECK(spare.take()->payload.capacity() == 0);
}
