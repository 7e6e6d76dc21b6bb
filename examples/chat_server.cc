/// A chat in the browser: rooms at /rooms/:room, the page that shows them, and GET /stats. See chat/messages.h for what
/// page and server say to each other.
#include <chat/page.h>
#include <chat/session.h>
#include <listening.h>
#include <program.h>
#include <tidewire/tidewire.h>
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <string>

using namespace tidewire;
using namespace std::chrono_literals;

namespace {

struct Settings {
  examples::Listening where{.port = 8080};
  std::string page = TIDEWIRE_CHAT_PAGE;
  chat::Limits limits;
};

/// Where a browser on this machine finds the page.
std::string page_address(const examples::Listening& where, std::uint16_t port) {
  const std::string scheme = where.secure() ? "https://" : "http://";
  for (const char* here : {"127.0.0.1", "0.0.0.0", "*", "::1", "[::1]", "::", "[::]"}) {
    if (where.host == here) return scheme + "localhost:" + std::to_string(port);
  }
  return scheme + where.address(port);
}

int serve(const Settings& settings) {
  const auto page = chat::Page::load(settings.page);
  if (!page) {
    std::fprintf(stderr, "chat_server: %s (choose the page's folder with --page)\n", page.error().message().c_str());
    return 1;
  }
  Loop loop;
  chat::Chat chat(loop, settings.limits);
  http::Server server(loop);
  chat::mount_rooms(server, chat);
  chat::mount_page(server, *page, settings.limits.max_room_characters);
  server.get("/stats", [&](const http::Request&, http::Response& response) {
    response.header("Content-Type", "application/json").header("Cache-Control", "no-store").send(chat.stats(server));
  });

  const auto address = examples::listen(server, settings.where);
  if (!address) return examples::cannot_listen("chat_server", address.error());
  loop.on_signal({SIGINT, SIGTERM}, [&] { server.drain(5s, [&] { loop.stop(); }); }).value();
  std::printf("chat_server listens on %s\n", address->to_string().c_str());
  std::printf("open %s\n", page_address(settings.where, address->port()).c_str());
  std::fflush(stdout);
  loop.run();
  std::printf("chat_server has finished\n");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app("A chat in the browser: rooms, names, who is here, and the last messages for whoever joins.",
               "chat_server");
  settings.where.add_flags(app);
  app.add_option("--page", settings.page, "folder with the page's files")->capture_default_str();
  app.add_option("--rate", settings.limits.messages_per_second, "messages a second that a person may send")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--burst", settings.limits.burst, "messages at once that a person may send")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  return examples::run_program(app, argc, argv, [&] { return serve(settings); });
}
