#include <tidewire/bench/bare_options.h>
#include <tidewire/bench/command_line.h>
#include <map>

namespace tidewire::bench {

bool parse_bare_options(const std::string& program, int argc, char** argv, BareOptions& options, int& status) {
  const std::map<std::string, Mode> modes = {
      {"echo", Mode::echo}, {"broadcast", Mode::broadcast}, {"http", Mode::http}, {"upgrade", Mode::upgrade}};
  std::string mode = "echo";
  std::string content = "ascii";

  CLI::App app(
      "Answers every so many bytes with bytes made beforehand: the least that a workload can cost. It parses "
      "nothing, so it has to be told what the load sends.",
      program);
  add_port(app, options.port);
  app.add_option("--mode", mode, "what it does with what it receives")
      ->check(CLI::IsMember(modes))
      ->capture_default_str();
  app.add_option("--content", content, "of the messages")->check(CLI::IsMember(content_names()))->capture_default_str();
  app.add_option("--payload-bytes", options.canned.payload_bytes, "size of every message")
      ->check(CLI::Range(std::size_t{0}, std::size_t{16} << 20))
      ->capture_default_str();
  app.add_option("--depth", options.canned.depth, "broadcast: publications that come together go on in one piece")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1024}))
      ->capture_default_str();
  if (!parse(app, argc, argv, status)) return false;
  options.canned.mode = modes.at(mode);
  options.canned.content = *content_named(content);
  return true;
}

}  // namespace tidewire::bench
