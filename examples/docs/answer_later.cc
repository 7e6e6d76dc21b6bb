/// HTTP answers that take their time: what docs/howto/answer-later.md quotes.
#include <docs/worker.h>
#include <tidewire/tidewire.h>
#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>

using namespace tidewire;
using namespace std::chrono_literals;

namespace {

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// Stands for work that takes too long for a loop.
std::uint64_t sum_up_to(std::uint64_t last) { return last * (last + 1) / 2; }

// [pieces]
struct Countdown {
  std::uint64_t left;
};

/// Writes until the client is slower than we are, or all is said.
void go_on(Countdown& count, http::Response& response) {
  while (count.left > 0) {
    const SendStatus status = response.write(std::to_string(count.left) + "\n");
    if (status == SendStatus::closed) return;
    --count.left;
    if (status == SendStatus::queued) return;
  }
  response.end();
}
// [pieces]

}  // namespace

int main(int argc, char** argv) {
  Loop loop;
  Worker worker;
  http::Server server(loop);

  // [thread]
  server.get("/sum/:last", [&worker](const http::Request& request, http::Response& response) {
    worker.run([last = number(request.param("last")), later = response.defer()] {
      later.send(std::to_string(sum_up_to(last)) + "\n");
    });
  });
  // [thread]

  // [head]
  server.get("/report", [&worker](const http::Request&, http::Response& response) {
    worker.run([later = response.defer()] {
      later.run([](http::Response& answer) {
        answer.header("Content-Type", "application/json").header("Cache-Control", "no-store").send("{\"sum\":5050}\n");
      });
    });
  });
  // [head]

  // [timer]
  server.get("/patience", [&loop](const http::Request&, http::Response& response) {
    auto timer = std::make_shared<Timer>();
    *timer = Timer::after(loop, 50ms, [later = response.defer()] { later.send("thank you\n"); });
    response.on_close([timer] { timer->cancel(); });
  });
  // [timer]

  // [leave]
  server.get("/dear", [&loop](const http::Request&, http::Response& response) {
    auto timer = std::make_shared<Timer>();
    *timer = Timer::after(loop, 50ms, [later = response.defer()] { later.send("worth it\n"); });
    response.on_peer_end([timer](http::Response& answer) {
      answer.send(http::Status::service_unavailable, "too late\n");
      timer->cancel();
    });
  });
  // [leave]

  // [forgotten]
  server.get("/forgotten", [](const http::Request&, http::Response& response) {
    const auto promise = response.defer();
    static_cast<void>(promise);
  });
  // [forgotten]

  // [stream]
  server.get("/countdown/:from", [](const http::Request& request, http::Response& response) {
    const auto from = std::min<std::uint64_t>(number(request.param("from")), 2'000'000);
    const auto count = std::make_shared<Countdown>(Countdown{.left = from});
    response.header("Content-Type", "text/plain; charset=utf-8");
    response.on_drain([count](http::Response& ready) { go_on(*count, ready); });
    go_on(*count, response);
  });
  // [stream]

  // [events]
  std::map<int, http::Deferred> listeners;
  server.get("/events", [&listeners, last = 0](const http::Request&, http::Response& response) mutable {
    response.header("Content-Type", "text/event-stream");
    if (response.write(": welcome\n\n") == SendStatus::closed) return;
    const int id = ++last;
    response.on_close([&listeners, id] { listeners.erase(id); });
    response.on_shutdown([&listeners, id](http::Response& stream) {
      stream.end();
      listeners.erase(id);
    });
    listeners.emplace(id, response.defer());
  });
  const Timer ticking = Timer::every(loop, 50ms, [&listeners] {
    for (const auto& [id, stream] : listeners) {
      stream.run([](http::Response& response) { response.write("data: tick\n\n"); });
    }
  });
  // [events]

  const auto address = server.listen(argc > 1 ? argv[1] : "127.0.0.1:9001").value();
  loop.on_signal({SIGINT, SIGTERM}, [&] { server.drain(10s, [&] { loop.stop(); }); }).value();
  std::printf("answer_later listens on %s\n", address.to_string().c_str());
  std::fflush(stdout);
  loop.run();
}
