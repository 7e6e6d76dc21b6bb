#include <stdlib.h>
#include <sys/stat.h>

#include <doctest/doctest.h>
#include <support/child.h>
#include <support/consumers.h>
#include <support/descriptor.h>
#include <support/run.h>
#include <support/socket_folder.h>
#include <tidewire/transport/listener.h>
#include <atomic>
#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace tidewire;
using namespace tidewire::testing;
using transport::Address;
using transport::Listener;
using transport::ListenOptions;
using transport::StreamPtr;

namespace {

Address at(std::string_view text) { return Address::parse(text).value(); }

bool exists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

/// Listens, and echoes once to whoever comes.
void serves(Loop& loop, const Address& where, std::string_view from = {}) {
  std::vector<std::unique_ptr<Echo>> accepted;
  auto listener = Listener::open(loop, where, {}, [&](StreamPtr stream) {
                    accepted.push_back(std::make_unique<Echo>(std::move(stream)));
                  }).value();
  const Address to =
      from.empty() ? listener->address() : at(std::string(from) + std::to_string(listener->address().port()));
  const Descriptor client = connect_to(to);
  client.send("hello");
  std::string answer(16, '\0');
  ssize_t size = -1;
  run_until(loop, [&] { return (size = ::recv(client.get(), answer.data(), answer.size(), MSG_DONTWAIT)) > 0; });
  CHECK(answer.substr(0, static_cast<std::size_t>(size)) == "hello");
  CHECK(accepted.size() == 1);
}

}  // namespace

TEST_CASE("a listener takes connections on IPv4, at a port that the system chose") {
  Loop loop;
  serves(loop, at("127.0.0.1:0"));
}

TEST_CASE("a listener takes connections on IPv6") {
  if (::access("/proc/net/if_inet6", F_OK) != 0) return;
  Loop loop;
  serves(loop, at("[::1]:0"));
}

TEST_CASE("a listener on * takes both families, and says so") {
  if (::access("/proc/net/if_inet6", F_OK) != 0) return;
  Loop loop;
  serves(loop, at("*:0"), "127.0.0.1:");
  serves(loop, at("*:0"), "[::1]:");
  const auto listener = Listener::open(loop, at("*:0"), {}, [](StreamPtr) {}).value();
  CHECK(listener->address().to_string() == "*:" + std::to_string(listener->address().port()));
  CHECK(listener->address().port() != 0);
}

TEST_CASE("a listener takes connections on a Unix socket, and removes its file") {
  const SocketFolder folder;
  Loop loop;
  serves(loop, folder.address());
  CHECK_FALSE(exists(folder.path()));
}

TEST_CASE("a Unix socket's file has the rights that were asked for") {
  const SocketFolder folder;
  Loop loop;
  const auto listener = Listener::open(loop, folder.address(), {.unix_mode = 0600}, [](StreamPtr) {}).value();
  struct stat status {};
  REQUIRE(::lstat(folder.path().c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("the file of a Unix socket that nobody serves is replaced") {
  const SocketFolder folder;
  {
    const Descriptor dead(::socket(AF_UNIX, SOCK_STREAM, 0));
    REQUIRE(::bind(dead.get(), folder.address().data(), folder.address().size()) == 0);
  }
  REQUIRE(exists(folder.path()));
  Loop loop;
  serves(loop, folder.address());
}

TEST_CASE("the file of a Unix socket that another listener has replaced is left to it") {
  const SocketFolder folder;
  Loop loop;
  auto old = Listener::open(loop, folder.address(), {}, [](StreamPtr) {}).value();
  REQUIRE(::unlink(folder.path().c_str()) == 0);
  const auto successor = Listener::open(loop, folder.address(), {}, [](StreamPtr) {}).value();
  old.reset();
  CHECK(exists(folder.path()));
  CHECK(connect_to(folder.address()).get() >= 0);
}

TEST_CASE("listeners that start at the same time do not take each other's Unix socket for a stale one") {
  const SocketFolder folder;
  for (int round = 0; round < 50; ++round) {
    {
      const Descriptor dead(::socket(AF_UNIX, SOCK_STREAM, 0));
      ::unlink(folder.path().c_str());
      REQUIRE(::bind(dead.get(), folder.address().data(), folder.address().size()) == 0);
    }
    std::atomic<int> listening{0};
    std::atomic<int> done{0};
    std::vector<std::thread> starters;
    for (int index = 0; index < 3; ++index) {
      starters.emplace_back([&] {
        Loop loop;
        const auto listener = Listener::open(loop, folder.address(), {}, [](StreamPtr) {});
        if (listener) ++listening;
        ++done;
        while (done != 3) std::this_thread::yield();
      });
    }
    for (std::thread& starter : starters) starter.join();
    CHECK(listening == 1);
  }
}

TEST_CASE("a port is shared by listeners that all agree to it") {
  Loop loop;
  std::vector<StreamPtr> accepted;
  const auto accept = [&](StreamPtr stream) { accepted.push_back(std::move(stream)); };
  auto first = Listener::open(loop, at("127.0.0.1:0"), {.reuse_port = true}, accept).value();
  const Address where = first->address();
  const auto second = Listener::open(loop, where, {.reuse_port = true}, accept).value();
  CHECK_FALSE(Listener::open(loop, where, {}, accept));
  first.reset();
  const Descriptor client = connect_to(where);
  run_until(loop, [&] { return !accepted.empty(); });
}

TEST_CASE("a connection gets no number of the standard streams, and the log does not reach it") {
  CHECK(in_child([] {
    Loop loop;
    std::vector<StreamPtr> accepted;
    for (int stream = 0; stream < 3; ++stream) ::close(stream);
    const auto listener = Listener::open(loop, at("127.0.0.1:0"), {}, [&](StreamPtr stream) {
                            loop.log(LogLevel::error, "not for the client");
                            accepted.push_back(std::move(stream));
                          }).value();
    const Descriptor occupied(::open("/dev/null", O_RDONLY));
    const Descriptor client = connect_to(listener->address());
    for (int turn = 0; turn < 1000 && accepted.empty(); ++turn) loop.run_once();
    char byte = 0;
    return accepted.size() == 1 && ::recv(client.get(), &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
  }));
}

TEST_CASE("a Unix socket that is served is left alone, and so is a file that is no socket") {
  const SocketFolder folder;
  Loop loop;
  {
    const auto first = Listener::open(loop, folder.address(), {}, [](StreamPtr) {}).value();
    const auto second = Listener::open(loop, folder.address(), {}, [](StreamPtr) {});
    REQUIRE_FALSE(second);
    CHECK(second.error().code == std::errc::address_in_use);
    CHECK(exists(folder.path()));
  }
  const Descriptor file(::open(folder.path().c_str(), O_CREAT | O_WRONLY, 0600));
  CHECK_FALSE(Listener::open(loop, folder.address(), {}, [](StreamPtr) {}));
  CHECK(exists(folder.path()));
}

TEST_CASE("a port in use is an error that names the address") {
  Loop loop;
  const auto first = Listener::open(loop, at("127.0.0.1:0"), {}, [](StreamPtr) {}).value();
  const auto second = Listener::open(loop, first->address(), {}, [](StreamPtr) {});
  REQUIRE_FALSE(second);
  CHECK(second.error().code == std::errc::address_in_use);
  CHECK(second.error().detail == "listen on " + first->address().to_string());
}

TEST_CASE("an exception for a new connection is logged, closes it, and others are taken") {
  Loop loop;
  std::vector<std::string> lines;
  loop.set_log_sink([&](LogLevel, std::string_view line) { lines.emplace_back(line); });
  std::vector<StreamPtr> accepted;
  const auto listener = Listener::open(loop, at("127.0.0.1:0"), {}, [&](StreamPtr stream) {
                          if (lines.empty()) throw std::runtime_error("on purpose");
                          accepted.push_back(std::move(stream));
                        }).value();
  const Descriptor refused = connect_to(listener->address());
  char byte = 0;
  run_until(loop, [&] { return ::recv(refused.get(), &byte, 1, MSG_DONTWAIT) == 0; });
  CHECK(lines == std::vector<std::string>{"exception in a new connection: on purpose"});
  const Descriptor taken = connect_to(listener->address());
  run_until(loop, [&] { return accepted.size() == 1; });
}

TEST_CASE("a listener is destroyed where it hands out a connection, and its callback ends in peace") {
  Loop loop;
  std::unique_ptr<Listener> listener;
  std::vector<StreamPtr> accepted;
  const auto kept = std::make_shared<int>(0);
  listener = Listener::open(loop, at("127.0.0.1:0"), {}, [&, mine = kept](StreamPtr stream) {
               listener.reset();
               accepted.push_back(std::move(stream));
               CHECK(mine.use_count() == 2);
             }).value();
  const Address where = listener->address();
  const Descriptor first = connect_to(where);
  const Descriptor second = connect_to(where);
  run_until(loop, [&] { return !accepted.empty(); });
  settle(loop);
  CHECK(accepted.size() == 1);
  CHECK(kept.use_count() == 1);
}

TEST_CASE("many connections at once are all taken") {
  Loop loop;
  std::vector<StreamPtr> accepted;
  const auto listener = Listener::open(loop, at("127.0.0.1:0"), {}, [&](StreamPtr stream) {
                          accepted.push_back(std::move(stream));
                        }).value();
  std::vector<Descriptor> clients;
  for (int index = 0; index < 200; ++index) clients.push_back(connect_to(listener->address()));
  run_until(loop, [&] { return accepted.size() == clients.size(); });
  CHECK(accepted.back()->local_address() == listener->address());
}

TEST_CASE("a listener keeps its loop running, and no longer than it lives") {
  Loop loop;
  auto listener = Listener::open(loop, at("127.0.0.1:0"), {}, [](StreamPtr) {}).value();
  CHECK(loop.run_once(false));
  listener.reset();
  loop.run();
}
