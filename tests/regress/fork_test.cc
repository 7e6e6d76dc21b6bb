#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>
#include <support/child.h>
#include <support/descriptor.h>
#include <support/web.h>
#include <tidewire/websocket/topics.h>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// A process that forks while it serves, as one does that starts a program: the child must leave all that is the
/// parent's alone, however it ends.
using namespace tidewire;
using namespace tidewire::testing;

namespace {

constexpr std::string_view hello_answer = "hello from the parent";

/// A server on real sockets, all of whose objects a child may destroy.
struct Parent {
  explicit Parent(Polling polling, const std::string& where = "127.0.0.1:0") {
    loop = std::make_unique<Loop>(polling);
    topics = std::make_unique<websocket::Topics>(*loop);
    server = std::make_unique<http::Server>(*loop);
    server->get("/", [](const http::Request&, http::Response& response) { response.send(hello_answer); });
    websocket::route(*server, "/ws",
                     {.on_open = [this](websocket::Connection& peer) { topics->subscribe(peer, "all"); },
                      .on_message =
                          [this](websocket::Connection& peer, const websocket::Message& message) {
                            topics->publish("all", "published");
                            peer.send(message);
                            if (on_message) on_message();
                          },
                      .on_close = [this](websocket::Connection&, const websocket::CloseInfo&) { ++closes; }});
    address = server->listen(where).value();
    timer = Timer::after(*loop, std::chrono::hours(1), [] {});
  }
  /// What exit() does when these are global objects.
  void destroy() {
    timer.cancel();
    server.reset();
    topics.reset();
    loop.reset();
  }

  std::unique_ptr<Loop> loop;
  std::unique_ptr<websocket::Topics> topics;
  std::unique_ptr<http::Server> server;
  transport::Address address;
  Timer timer;
  std::function<void()> on_message;
  int closes = 0;
};

/// Sends, and returns what comes until there is so much of it, or until nothing comes any more.
std::string exchange(Parent& parent, const Descriptor& client, std::string_view text, std::string_view until) {
  if (!text.empty()) client.send(text);
  std::string received;
  run_until(*parent.loop, [&] {
    std::string piece(4096, '\0');
    const ssize_t size = ::recv(client.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (size > 0) received.append(piece.data(), static_cast<std::size_t>(size));
    return size == 0 || received.find(until) != std::string::npos;
  });
  return received;
}

/// Whether an open connection and a new one are served.
void check_served(Parent& parent, const Descriptor& client) {
  CHECK(exchange(parent, client, get("/"), hello_answer).ends_with(hello_answer));
  const Descriptor another = connect_to(parent.address);
  CHECK(exchange(parent, another, get("/"), hello_answer).ends_with(hello_answer));
}

}  // namespace

TEST_CASE("a child that destroys what it has a copy of leaves the parent's server alone") {
  for (const Polling polling : {Polling::native, Polling::libuv}) {
    Parent parent(polling);
    const Descriptor client = connect_to(parent.address);
    CHECK(exchange(parent, client, get("/"), hello_answer).ends_with(hello_answer));
    CHECK(in_child([&] {
      parent.destroy();
      return true;
    }));
    check_served(parent, client);
  }
}

TEST_CASE("a child that is forked in a callback sends nothing, and calls no handler") {
  for (const Polling polling : {Polling::native, Polling::libuv}) {
    Parent parent(polling);
    const Descriptor client = connect_to(parent.address);
    exchange(parent, client, upgrade("/ws"), "\r\n\r\n");
    const Descriptor bystander = connect_to(parent.address);
    exchange(parent, bystander, upgrade("/ws"), "\r\n\r\n");
    bool child_left_it = false;
    parent.on_message = [&] {
      child_left_it = in_child([&] {
        parent.destroy();
        return parent.closes == 0;
      });
    };
    const std::string received = exchange(parent, client, masked(0x81, "echo"), "echo");
    CHECK(child_left_it);
    settle(*parent.loop);
    parent.on_message = nullptr;
    // Once, and nothing after it.
    CHECK(received == plain(0x81, "published") + plain(0x81, "echo"));
    CHECK(exchange(parent, client, masked(0x81, "again"), "again") == plain(0x81, "published") + plain(0x81, "again"));
    CHECK(exchange(parent, bystander, {}, "published").starts_with(plain(0x81, "published")));
    check_served(parent, connect_to(parent.address));
  }
}

TEST_CASE("a child leaves the file of a Unix socket to the parent") {
  std::string folder = "/tmp/tidewire-test-XXXXXX";
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const std::string path = folder + "/socket";
  {
    Parent parent(Polling::native, "unix:" + path);
    CHECK(in_child([&] {
      parent.destroy();
      return true;
    }));
    CHECK(std::filesystem::exists(path));
    check_served(parent, connect_to(parent.address));
  }
  CHECK_FALSE(std::filesystem::exists(path));
  ::rmdir(folder.c_str());
}

TEST_CASE("in a child the parent's loop does not run, takes no posts, and listens nowhere") {
  Parent parent(Polling::native);
  const LoopRemote remote = parent.loop->remote();
  CHECK(in_child([&] {
    try {
      parent.loop->run();
      return false;
    } catch (const Failure& failure) {
      if (failure.code() != Errc::misuse) return false;
    }
    try {
      parent.loop->run_once(false);
      return false;
    } catch (const Failure&) {
    }
    parent.loop->stop();
    const bool refused = parent.loop->post([] {}) == PostStatus::ended && remote.post([] {}) == PostStatus::ended &&
                         remote.post_past_limits([] {}) == PostStatus::ended && !remote.in_thread();
    const auto listening = parent.server->listen("127.0.0.1:0");
    return refused && !listening && listening.error().code == Errc::misuse;
  }));
  check_served(parent, connect_to(parent.address));
}

TEST_CASE("a child that returns from the callback it was forked in does not go on with the parent's loop") {
  Loop loop;
  const Loop::KeepAlive awake(loop);
  std::optional<::pid_t> child;
  loop.post([&] {
    child = ::fork();
    loop.stop();
  });
  bool refused = false;
  try {
    loop.run();
  } catch (const Failure& failure) {
    refused = failure.code() == Errc::misuse;
  }
  REQUIRE(child.has_value());
  if (*child == 0) ::_exit(refused ? 0 : 1);
  CHECK_FALSE(refused);
  int status = 0;
  REQUIRE(::waitpid(*child, &status, 0) == *child);
  CHECK(status == 0);
}

TEST_CASE("a child makes loops of its own, and serves on a port that it shares with others") {
  const Parent parent(Polling::native);
  transport::Address where;
  {
    // A port that is free now.
    Loop loop;
    http::Server server(loop);
    where = server.listen("127.0.0.1:0", transport::ListenOptions{.reuse_port = true}).value();
  }
  std::vector<::pid_t> workers;
  for (int worker = 0; worker < 2; ++worker) {
    const ::pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      Loop loop;
      http::Server server(loop);
      server.get("/", [&](const http::Request&, http::Response& response) {
        response.send(hello_answer);
        server.drain(std::chrono::seconds(5), [&] { loop.stop(); });
      });
      if (!server.listen(where.to_string(), transport::ListenOptions{.reuse_port = true})) ::_exit(2);
      loop.run();
      ::_exit(0);
    }
    workers.push_back(child);
  }
  for (const ::pid_t worker : workers) {
    int status = -1;
    while (::waitpid(worker, &status, WNOHANG) == 0) {
      // Either of them answers, one time each.
      const Descriptor client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      if (::connect(client.get(), where.data(), where.size()) != 0) continue;
      const std::string request = get("/", "Connection: close\r\n");
      ::send(client.get(), request.data(), request.size(), MSG_NOSIGNAL);
      std::string piece(4096, '\0');
      while (::recv(client.get(), piece.data(), piece.size(), 0) > 0) {
      }
    }
    CHECK(status == 0);
  }
}
