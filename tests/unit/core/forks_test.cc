#include <doctest/doctest.h>
#include <support/child.h>
#include <tidewire/core/forks.h>

using namespace tidewire;
using namespace tidewire::testing;

TEST_CASE("a fork is counted in the child, and not in the parent") {
  const unsigned before = forks();
  CHECK(in_child([before] {
    if (forks() != before + 1) return false;
    return in_child([before] { return forks() == before + 2; });
  }));
  CHECK(forks() == before);
}
