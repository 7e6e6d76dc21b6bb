/// Files of a folder over HTTP: what docs/howto/serve-files.md quotes. `files ADDRESS FOLDER`.
#include <tidewire/tidewire.h>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

using namespace tidewire;
using namespace std::chrono_literals;

namespace {

std::optional<std::string> read_file(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file) return std::nullopt;
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  const std::filesystem::path folder = argc > 2 ? argv[2] : ".";
  Loop loop;
  http::Server server(loop);

  // [join]
  server.get("/static/*", [folder](const http::Request& request, http::Response& response) {
    const auto path = http::join_path(folder, request.wildcard());
    const auto text = path ? read_file(*path) : std::nullopt;
    if (!text) {
      response.send(http::Status::not_found, "not found\n");
      return;
    }
    response.header("Content-Type", "application/octet-stream").send(*text);
  });
  // [join]

  const auto address = server.listen(argc > 1 ? argv[1] : "127.0.0.1:9001").value();
  loop.on_signal({SIGINT, SIGTERM}, [&] { server.drain(10s, [&] { loop.stop(); }); }).value();
  std::printf("files listens on %s\n", address.to_string().c_str());
  std::fflush(stdout);
  loop.run();
}
