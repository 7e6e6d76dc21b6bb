/// A handler class per path: what docs/howto/handler-class-per-path.md quotes.
#include <docs/worker.h>
#include <tidewire/tidewire.h>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <map>
#include <memory>
#include <string>

using namespace tidewire;
using namespace std::chrono_literals;

namespace {

// [dependency]
/// What all the handlers share: how many people stand at each desk.
struct Desks {
  std::map<std::string, int> people;
};

class Visitor final : public websocket::Handler {
 public:
  Visitor(const http::Request& request, Desks& desks) : desks_(desks), desk_(request.param("desk")) {}

  void on_open(websocket::Connection& peer) override {
    const int number = ++desks_.people[desk_];
    peer.send("You are number " + std::to_string(number) + " at this desk.");
  }

  void on_close(websocket::Connection&, const websocket::CloseInfo&) override {
    if (--desks_.people[desk_] == 0) desks_.people.erase(desk_);
  }

 private:
  Desks& desks_;
  std::string desk_;
};
// [dependency]

int primes_below(int limit) {
  int count = 0;
  for (int n = 2; n < limit; ++n) {
    bool prime = true;
    for (int d = 2; d <= n / d && prime; ++d) prime = n % d != 0;
    count += prime ? 1 : 0;
  }
  return count;
}

// [later]
/// Has a thread count, which takes its time, and sends the answer when it is there.
class Primes final : public websocket::Handler {
 public:
  explicit Primes(Worker& worker) : worker_(worker) {}

  void on_message(websocket::Connection& peer, const websocket::Message& message) override {
    int limit = 0;
    std::from_chars(message.text().data(), message.text().data() + message.size(), limit);
    if (limit > 1'000'000) return peer.close(websocket::CloseCode::policy_violation, "at most a million");
    worker_.run([limit, client = peer.handle()] { client.send(std::to_string(primes_below(limit))); });
  }

 private:
  Worker& worker_;
};
// [later]

// [factory]
class Plain final : public websocket::Handler {
  void on_open(websocket::Connection& peer) override { peer.send("hello"); }
};

class Polite final : public websocket::Handler {
  void on_open(websocket::Connection& peer) override { peer.send("Good day."); }
};

std::unique_ptr<websocket::Handler> greeting(const http::Request& request) {
  if (request.query_param("polite")) return std::make_unique<Polite>();
  return std::make_unique<Plain>();
}
// [factory]

// [goodbye]
/// Says why each connection ended.
class Witness final : public websocket::Handler {
  void on_close(websocket::Connection&, const websocket::CloseInfo& why) override {
    const std::string cause(name(why.cause));
    std::printf("closed: %s, code %d\n", cause.c_str(), static_cast<int>(why.code));
    std::fflush(stdout);
  }
};
// [goodbye]

}  // namespace

int main(int argc, char** argv) {
  // [mount]
  Loop loop;
  Worker worker;
  Desks desks;
  http::Server server(loop);
  websocket::route<Visitor>(server, "/desks/:desk", desks);
  websocket::route<Visitor>(server, "/small/:desk", {.max_message_size = 1024}, desks);
  // [mount]
  websocket::route<Primes>(server, "/primes", worker);
  websocket::route<Witness>(server, "/witness");

  // [mount_factory]
  websocket::route(server, "/greeting", websocket::Options(), greeting);
  // [mount_factory]

  // [lambda]
  websocket::route(server, "/length",
                   {.on_message = [](auto& peer, const auto& message) { peer.send(std::to_string(message.size())); }});
  // [lambda]

  const auto address = server.listen(argc > 1 ? argv[1] : "127.0.0.1:9001").value();
  loop.on_signal({SIGINT, SIGTERM}, [&] { server.drain(10s, [&] { loop.stop(); }); }).value();
  std::printf("handlers listens on %s\n", address.to_string().c_str());
  std::fflush(stdout);
  loop.run();
}
