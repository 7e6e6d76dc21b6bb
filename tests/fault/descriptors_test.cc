#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <doctest/doctest.h>
#include <support/descriptor.h>
#include <support/run.h>
#include <tidewire/transport/listener.h>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <filesystem>
#include <string>
#include <vector>

using namespace tidewire;
using namespace tidewire::testing;
using namespace std::chrono_literals;
using transport::Address;
using transport::Listener;
using transport::StreamPtr;

namespace {

int accept_error = 0;     // What accept4 fails with, if not 0,
int accept_failures = 0;  // so many times.
int accept_calls = 0;

}  // namespace

/// In place of the system's.
extern "C" int accept4(int socket, sockaddr* address, socklen_t* size, int flags) {
  ++accept_calls;
  if (accept_error != 0 && accept_failures > 0) {
    --accept_failures;
    errno = accept_error;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_accept4, socket, address, size, flags));
}

namespace {

/// Leaves this process so many descriptors more, for as long as it exists.
class Scarcity {
 public:
  explicit Scarcity(unsigned left) {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    // Numbers are given out from the lowest: the gaps are filled up to the highest in use, which is known
    // from the folder that lists them.
    int highest = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      highest = std::max(highest, std::stoi(entry.path().filename().string()));
    }
    do {
      fillers_.emplace_back(::dup(STDERR_FILENO));
    } while (fillers_.back().get() < highest);
    const int lowest = fillers_.back().get() + 1;
    rlimit scarce = before_;
    scarce.rlim_cur = static_cast<rlim_t>(lowest) + left;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &scarce) == 0);
  }
  Scarcity(const Scarcity&) = delete;
  Scarcity& operator=(const Scarcity&) = delete;
  ~Scarcity() { end(); }
  void end() const { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
  std::vector<Descriptor> fillers_;
};

struct Lines {
  explicit Lines(Loop& loop) {
    loop.set_log_sink([this](LogLevel level, std::string_view line) {
      (level == LogLevel::warning ? warnings : others).emplace_back(line);
    });
  }
  std::vector<std::string> warnings, others;
};

}  // namespace

TEST_CASE("without descriptors connections wait, one line says so, and the loop sleeps") {
  Loop loop;
  Lines lines(loop);
  std::vector<StreamPtr> accepted;
  const auto listener = Listener::open(loop, Address::parse("127.0.0.1:0").value(), {}, [&](StreamPtr stream) {
                          accepted.push_back(std::move(stream));
                        }).value();
  std::vector<Descriptor> clients;
  for (int index = 0; index < 5; ++index) clients.push_back(connect_to(listener->address()));
  int turns = 0;
  {
    const Scarcity scarcity(0);
    bool over = false;
    const Timer end = Timer::after(loop, 500ms, [&] { over = true; });
    for (; !over && turns < 10'000; ++turns) loop.run_once();
  }
  CHECK(accepted.empty());
  CHECK(turns < 100);
  REQUIRE(lines.warnings.size() == 1);
  CHECK(lines.warnings[0].starts_with("cannot accept connections on " + listener->address().to_string()));

  run_until(loop, [&] { return accepted.size() == clients.size(); });
  settle(loop);
  CHECK(lines.warnings.size() == 1);
  CHECK(lines.others == std::vector<std::string>{"accepting connections again"});
}

TEST_CASE("a listener that waits for descriptors keeps its loop running") {
  Loop loop;
  const Lines lines(loop);
  const auto listener = Listener::open(loop, Address::parse("127.0.0.1:0").value(), {}, [](StreamPtr) {}).value();
  const Descriptor client = connect_to(listener->address());
  const Scarcity scarcity(0);
  CHECK(loop.run_once());
  CHECK(lines.warnings.size() == 1);
  CHECK(loop.run_once(false));
}

TEST_CASE("connections are taken as descriptors come free, and no line is written for each") {
  Loop loop;
  Lines lines(loop);
  std::vector<StreamPtr> accepted;
  std::size_t taken = 0;
  const auto listener = Listener::open(loop, Address::parse("127.0.0.1:0").value(), {}, [&](StreamPtr stream) {
                          accepted.push_back(std::move(stream));
                          ++taken;
                        }).value();
  // libuv keeps a descriptor of its own from the first stream on.
  const Descriptor first = connect_to(listener->address());
  run_until(loop, [&] { return taken == 1; });
  taken = 0;
  std::vector<Descriptor> clients;
  for (int index = 0; index < 6; ++index) clients.push_back(connect_to(listener->address()));
  const Scarcity scarcity(2);
  for (std::size_t expected = 2; expected <= clients.size(); expected += 2) {
    run_until(loop, [&] { return taken == expected; });
    accepted.erase(accepted.end() - 2, accepted.end());
  }
  run_until(loop, [&] { return !lines.others.empty(); });
  CHECK(lines.warnings.size() == 1);
  CHECK(lines.others.size() == 1);
}

TEST_CASE("accept that fails for any reason, load or not, pauses with one line and goes on when it works") {
  // Out of memory; a security module; what none of ours expects; a connection's own error without an end.
  for (const int error : {ENOMEM, EPERM, EBADF, EINVAL, ECONNABORTED, EPROTO}) {
    CAPTURE(error);
    Loop loop;
    Lines lines(loop);
    std::vector<StreamPtr> accepted;
    const auto listener = Listener::open(loop, Address::parse("127.0.0.1:0").value(), {}, [&](StreamPtr stream) {
                            accepted.push_back(std::move(stream));
                          }).value();
    const Descriptor client = connect_to(listener->address());
    accept_error = error;
    accept_failures = INT_MAX;
    accept_calls = 0;
    bool over = false;
    int turns = 0;
    const Timer end = Timer::after(loop, 350ms, [&] { over = true; });
    for (; !over && turns < 10'000; ++turns) loop.run_once();
    accept_error = 0;
    CHECK(turns < 100);
    CHECK(accept_calls <= 5 * 64);
    REQUIRE(lines.warnings.size() == 1);
    CHECK(lines.warnings[0].starts_with("cannot accept connections on "));
    run_until(loop, [&] { return accepted.size() == 1; });
    run_until(loop, [&] { return !lines.others.empty(); });
    CHECK(lines.others == std::vector<std::string>{"accepting connections again"});
  }
}

TEST_CASE("an error of one connection is passed over without a pause") {
  Loop loop;
  Lines lines(loop);
  int taken = 0;
  const auto listener =
      Listener::open(loop, Address::parse("127.0.0.1:0").value(), {}, [&](StreamPtr) { ++taken; }).value();
  const Descriptor client = connect_to(listener->address());
  accept_error = ECONNABORTED;
  accept_failures = 3;
  run_until(loop, [&] { return taken == 1; });
  accept_error = 0;
  CHECK(accept_failures == 0);
  CHECK(lines.warnings.empty());
  CHECK(lines.others.empty());
}

TEST_CASE("a loop that finds no descriptors for itself throws, and leaves nothing behind") {
  for (unsigned left = 0; left < 16; ++left) {
    const Scarcity scarcity(left);
    try {
      const Loop loop;
      CHECK(left > 0);
      return;
    } catch (const Failure& failure) {
      CHECK(failure.code() == std::errc::too_many_files_open);
    }
  }
  FAIL("a loop needs fewer descriptors than that");
}

TEST_CASE("a listener that finds no descriptor is an error") {
  Loop loop;
  const Scarcity scarcity(0);
  const auto listener = Listener::open(loop, Address::parse("127.0.0.1:0").value(), {}, [](StreamPtr) {});
  REQUIRE_FALSE(listener);
  CHECK(listener.error().code == std::errc::too_many_files_open);
}
