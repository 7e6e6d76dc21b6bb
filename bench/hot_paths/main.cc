/// Runs one hot path so many times, and says what it allocated. gate.py runs it under callgrind to count instructions.
#include <gnu/libc-version.h>
#include <openssl/crypto.h>
#include <uv.h>
#include <zlib.h>

#include <support/allocations.h>
#include <tidewire/bench/path.h>
#include <tidewire/core/cpu.h>
#include <tidewire/websocket/deflate.h>
#include <algorithm>
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

using namespace tidewire;

/// What is counted, and nothing else is: gate.py knows the name.
extern "C" [[gnu::noinline, gnu::used]] void hot_path_counted(bench::Path& path, std::size_t rounds) {
  for (std::size_t count = 0; count < rounds; ++count) path.round();
}

namespace {

/// Fills the pools and caches, of which the largest take the longest to settle.
constexpr int warm_up_rounds = 50;

struct Settings {
  std::string name;
  std::size_t messages = 0;
  bool list = false;
  bool environment = false;
};

std::string compiler() {
#ifdef __clang__
  return "clang " __clang_version__;
#else
  return "gcc " __VERSION__;
#endif
}

/// What compresses, and its version.
std::string deflate() {
  const std::string backend = websocket::deflate_backend_name();
  return backend + " " + (backend == "isal" ? TIDEWIRE_ISAL_VERSION : ::zlibVersion());
}

/// What else the figures depend on. Under valgrind the CPU is the one that valgrind shows: libc chooses its routines by
/// these features, and the library by the level.
nlohmann::ordered_json environment() {
  nlohmann::ordered_json cpu = nlohmann::ordered_json::array();
#ifdef __x86_64__
  // The builtin takes literals alone.
  if (__builtin_cpu_supports("sse4.2")) cpu.push_back("sse4.2");
  if (__builtin_cpu_supports("avx2")) cpu.push_back("avx2");
  if (__builtin_cpu_supports("bmi2")) cpu.push_back("bmi2");
  if (__builtin_cpu_supports("avx512bw")) cpu.push_back("avx512bw");
#endif
  return {{"compiler", compiler()},
          {"libc", std::string("glibc ") + ::gnu_get_libc_version()},
          {"libuv", ::uv_version_string()},
          {"libcrypto", ::OpenSSL_version(OPENSSL_VERSION_STRING)},
          {"deflate", deflate()},
          {"cpu", cpu},
          {"cpu_level", name_of(cpu_level())}};
}

void run(const bench::NamedPath& named, std::size_t messages) {
  const auto path = named.make();
  path->checked_round();
  for (int count = 0; count < warm_up_rounds; ++count) path->round();

  const std::size_t a_round = path->messages_a_round();
  const std::size_t rounds = messages == 0 ? named.rounds : (messages - 1) / a_round + 1;
  const std::size_t before = testing::Allocations::made;
  hot_path_counted(*path, rounds);
  const std::size_t made = testing::Allocations::made - before;

  // Had an answer been wrong or too long meanwhile, this one would not be in its place.
  path->checked_round();
  const nlohmann::ordered_json report = {
      {"path", named.name},
      {"messages", rounds * a_round},
      {"allocations_per_message", static_cast<double>(made) / static_cast<double>(rounds * a_round)}};
  std::cout << report.dump() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app("Runs a hot path of the servers over memory streams, and prints a line of JSON.", "hot_paths");
  auto* name = app.add_option("name", settings.name, "the path; see --list");
  app.add_option("--messages", settings.messages,
                 "how many, rounded up to whole rounds; as many as give a good figure by default")
      ->check(CLI::PositiveNumber);
  auto* list = app.add_flag("--list", settings.list, "names the paths")->excludes(name);
  app.add_flag("--environment", settings.environment, "prints what the figures depend on, other than the sources")
      ->excludes(name)
      ->excludes(list);
  try {
    app.parse(argc, argv);
    if (settings.list) {
      for (const bench::NamedPath& path : bench::paths()) {
        std::printf("%-20.*s %.*s\n", static_cast<int>(path.name.size()), path.name.data(),
                    static_cast<int>(path.what.size()), path.what.data());
      }
      return 0;
    }
    if (settings.environment) {
      std::cout << environment().dump() << '\n';
      return 0;
    }
    const auto all = bench::paths();
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const auto& path) { return path.name == settings.name; });
    if (found == all.end()) throw CLI::ValidationError("no hot path is named '" + settings.name + "'");
    run(*found, settings.messages);
    return 0;
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& wrong) {
    std::fprintf(stderr, "hot_paths: %s (see --help)\n", wrong.what());
    return 2;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "hot_paths: %s\n", failure.what());
    return 1;
  }
}
