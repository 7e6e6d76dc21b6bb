/// Tidewire as a guest in a libuv loop: what docs/howto/adopt-a-uv-loop.md quotes.
#include <uv.h>

#include <tidewire/tidewire.h>
#include <csignal>
#include <cstdio>
#include <string>

using namespace tidewire;
using namespace std::chrono_literals;

int main(int argc, char** argv) {
  uv_loop_t native;
  if (uv_loop_init(&native) != 0) return 1;

  // Something of the application's own on the same loop.
  int seconds = 0;
  uv_timer_t clock;
  uv_timer_init(&native, &clock);
  clock.data = &seconds;
  uv_timer_start(
      &clock, [](uv_timer_t* timer) { ++*static_cast<int*>(timer->data); }, 1000, 1000);

  // [guest]
  {
    Loop loop(native);
    http::Server server(loop);
    server.get("/seconds",
               [&](const http::Request&, http::Response& response) { response.send(std::to_string(seconds) + "\n"); });
    const auto address = server.listen(argc > 1 ? argv[1] : "127.0.0.1:9001").value();
    std::printf("adopt_uv listens on %s\n", address.to_string().c_str());
    std::fflush(stdout);

    loop.on_signal({SIGINT, SIGTERM}, [&] { server.drain(10s, [&] { uv_stop(&native); }); }).value();
    uv_run(&native, UV_RUN_DEFAULT);
  }
  // [guest]

  // [after]
  uv_close(reinterpret_cast<uv_handle_t*>(&clock), nullptr);
  uv_run(&native, UV_RUN_DEFAULT);
  return uv_loop_close(&native) == 0 ? 0 : 1;
  // [after]
}
