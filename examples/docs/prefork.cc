#include <sys/wait.h>
#include <tidewire/tidewire.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>
using namespace tidewire;
using namespace std::chrono_literals;

static std::vector<::pid_t> workers;

// [worker]
int serve(const std::string& address) {
  Loop loop;  // After the fork.
  http::Server server(loop);
  server.get("/worker",
             [](const http::Request&, http::Response& response) { response.send(std::to_string(::getpid()) + "\n"); });
  const auto listening = server.listen(address, {.reuse_port = true});
  if (!listening) {
    std::fprintf(stderr, "prefork: %s\n", listening.error().message().c_str());
    return 1;
  }
  loop.on_signal({SIGINT, SIGTERM}, [&] { server.drain(10s, [&] { loop.stop(); }); }).value();
  loop.run();
  return 0;
}
// [worker]

int main(int argc, char** argv) {
  const std::string address = argc > 1 ? argv[1] : "127.0.0.1:9001";
  // [parent]
  for (int number = 0; number < 4; ++number) {
    const ::pid_t worker = ::fork();
    if (worker == 0) return serve(address);
    if (worker > 0) workers.push_back(worker);
  }
  // [parent]
  std::printf("prefork listens on %s\n", address.c_str());
  std::fflush(stdout);
  // Workers drain; the parent outlives them.
  for (const int signal : {SIGINT, SIGTERM}) {
    std::signal(signal, [](int) {
      for (const ::pid_t worker : workers) ::kill(worker, SIGTERM);
    });
  }
  int failures = 0;
  for (const ::pid_t worker : workers) {
    int status = 0;
    ::waitpid(worker, &status, 0);
    if (status != 0) ++failures;
  }
  return failures == 0 ? 0 : 1;
}
