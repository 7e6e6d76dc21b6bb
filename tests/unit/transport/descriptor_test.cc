#include <fcntl.h>
#include <unistd.h>

#include <doctest/doctest.h>
#include <tidewire/transport/descriptor.h>
#include <utility>

using tidewire::transport::Descriptor;

namespace {

int open_something() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
bool is_open(int number) { return ::fcntl(number, F_GETFD) != -1; }

}  // namespace

TEST_CASE("a descriptor is closed with its owner") {
  const int number = open_something();
  {
    const Descriptor owner(number);
    CHECK(owner.get() == number);
    CHECK(is_open(number));
  }
  CHECK_FALSE(is_open(number));
}

TEST_CASE("a descriptor that was released or moved is its new owner's") {
  Descriptor first(open_something());
  const int number = first.get();
  {
    Descriptor second(std::move(first));
    CHECK(first.get() == -1);
    CHECK(second.release() == number);
    CHECK(second.get() == -1);
  }
  CHECK(is_open(number));
  ::close(number);
}
