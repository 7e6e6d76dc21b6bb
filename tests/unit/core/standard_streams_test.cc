#include <fcntl.h>
#include <unistd.h>

#include <doctest/doctest.h>
#include <support/child.h>
#include <tidewire/core/loop.h>
#include <tidewire/core/standard_streams.h>
#include <csignal>

using namespace tidewire;
using namespace tidewire::testing;

namespace {

bool is_open(int descriptor) { return ::fcntl(descriptor, F_GETFD) != -1; }

void close_standard_streams() {
  for (int stream = 0; stream < standard_streams; ++stream) ::close(stream);
}

bool none_is_open() {
  for (int stream = 0; stream < standard_streams; ++stream) {
    if (is_open(stream)) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("a descriptor above the standard streams, and none at all, is returned as it is") {
  const int descriptor = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  REQUIRE(descriptor >= standard_streams);
  CHECK(above_standard_streams(descriptor) == descriptor);
  ::close(descriptor);
  CHECK(above_standard_streams(-1) == -1);
}

TEST_CASE("a descriptor that is a standard stream by its number is moved above them, and not inherited by exec") {
  CHECK(in_child([] {
    close_standard_streams();
    const int moved = above_standard_streams(::open("/dev/null", O_RDONLY));
    return moved >= standard_streams && (::fcntl(moved, F_GETFD) & FD_CLOEXEC) != 0 && none_is_open();
  }));
}

TEST_CASE("closed standard streams are held open for a while, and open ones are left alone") {
  CHECK(in_child([] {
    ::close(0);
    ::close(2);
    {
      const HeldStandardStreams held;
      if (!is_open(0) || !is_open(2)) return false;
    }
    return !is_open(0) && is_open(1) && !is_open(2);
  }));
}

TEST_CASE("a loop takes no number of the standard streams, nor do its signals") {
  CHECK(in_child([] {
    close_standard_streams();
    Loop loop;
    return loop.on_signal({SIGUSR1}, [] {}).has_value() && loop.post([] {}) == PostStatus::taken && none_is_open();
  }));
}
