#include <tidewire/bench/exchange.h>
#include <tidewire/bench/options.h>
#include <array>
#include <CLI/CLI.hpp>

namespace tidewire::bench {
namespace {

struct ModeText {
  Mode mode;
  const char* name;
  const char* path;
  const char* what;
};

constexpr std::array<ModeText, 6> modes = {{
    {Mode::echo, "echo", "/echo", "WebSocket messages that come back"},
    {Mode::fanout, "fanout", "/broadcast", "one sender's messages, delivered to all connections"},
    {Mode::http, "http", "/plaintext", "GET requests"},
    {Mode::connect, "connect", "/echo", "connect, WebSocket handshake, closing handshake, and again"},
    {Mode::idle, "idle", "/echo", "WebSocket connections that say nothing: what memory each costs"},
    {Mode::slow, "slow", "/echo", "echo, while some of the connections do not read for a while"},
}};

const ModeText& text_of(Mode mode) { return modes[static_cast<std::size_t>(mode)]; }

/// What CLI11 fills in, in its own terms.
struct Flags {
  Options options;
  double warm_up_seconds = 0.5;
  double seconds = 2;
  double hold_seconds = 2;
  double rate = 0;
  std::string content = "ascii";
  std::string headers = "minimal";
  bool deflate = false;
  bool takeover = false;
  bool tls = false;
  std::string tls_version = "1.3";
};

void add_common(CLI::App& mode, Flags& flags, const ModeText& text) {
  Options& options = flags.options;
  mode.add_option("--host", options.host, "an address in 127.0.0.0/8")->capture_default_str();
  mode.add_option("--port", options.port, "the server's TCP port")->check(CLI::Range(1, 65535))->capture_default_str();
  mode.add_option("--path", options.path, "[" + std::string(text.path) + "]");
  mode.add_option("--connections", options.connections, "open at a time")
      ->check(CLI::Range(std::size_t{text.mode == Mode::slow ? 2U : 1U}, std::size_t{60000}))
      ->capture_default_str();
  mode.add_option("--pid", options.pid, "the server's process, whose CPU time and memory are read")
      ->check(CLI::PositiveNumber);
  mode.add_flag("--json", options.json, "report as JSON");
}

void add_tls(CLI::App& mode, Flags& flags, const ModeText& text) {
  auto* tls = mode.add_flag("--tls", flags.tls, "speak TLS, and take any certificate");
  mode.add_option("--tls-version", flags.tls_version, "and no other")
      ->check(CLI::IsMember({"1.2", "1.3"}))
      ->needs(tls)
      ->capture_default_str();
  if (text.mode == Mode::connect) {
    mode.add_flag("--resume", flags.options.resume, "resume TLS sessions of earlier connections")->needs(tls);
  }
}

void add_times(CLI::App& mode, Flags& flags) {
  mode.add_flag("--once", flags.options.once, "one batch on each connection, every reply compared; measures nothing");
  mode.add_option("--seconds", flags.seconds, "to measure")->check(CLI::Range(0.1, 10.0))->capture_default_str();
  mode.add_option("--warm-up-seconds", flags.warm_up_seconds, "before measuring")
      ->check(CLI::Range(0.0, 5.0))
      ->capture_default_str();
}

void add_payload(CLI::App& mode, Flags& flags) {
  mode.add_option("--payload-bytes", flags.options.payload_bytes, "size of every message")
      ->check(CLI::Range(std::size_t{0}, std::size_t{16} << 20))
      ->capture_default_str();
  mode.add_option("--content", flags.content, "what messages consist of")
      ->check(CLI::IsMember(content_names()))
      ->capture_default_str();
}

void add_depth(CLI::App& mode, Flags& flags) {
  mode.add_option("--depth", flags.options.depth, "messages sent together, and in flight at a time")
      ->check(CLI::Range(std::size_t{1}, max_depth))
      ->capture_default_str();
}

void add_deflate(CLI::App& mode, Flags& flags) {
  auto* deflate = mode.add_flag("--deflate", flags.deflate, "compress, and want every reply compressed");
  mode.add_flag("--takeover", flags.takeover, "and let messages refer to earlier ones")->needs(deflate);
}

void add_rate(CLI::App& mode, Flags& flags) {
  mode.add_option("--rate", flags.rate, "messages a second, sent at fixed times whatever the replies do")
      ->check(CLI::Range(1.0, 1e7));
}

void add_mode(CLI::App& app, Flags& flags, const ModeText& text) {
  CLI::App& mode = *app.add_subcommand(text.name, text.what);
  mode.callback([&flags, &text] { flags.options.mode = text.mode; });
  add_common(mode, flags, text);
  add_tls(mode, flags, text);
  if (text.mode == Mode::idle) {
    mode.get_option("--pid")->required();
    mode.add_option("--hold-seconds", flags.hold_seconds, "before the memory is read")
        ->check(CLI::Range(0.0, 10.0))
        ->capture_default_str();
  } else {
    add_times(mode, flags);
  }
  if (text.mode != Mode::http && text.mode != Mode::connect) add_payload(mode, flags);
  if (text.mode != Mode::connect) add_depth(mode, flags);
  if (text.mode == Mode::echo || text.mode == Mode::idle) add_deflate(mode, flags);
  if (text.mode == Mode::echo || text.mode == Mode::http) add_rate(mode, flags);
  if (text.mode == Mode::http) {
    mode.add_option("--headers", flags.headers, "Host alone, or what a browser sends")
        ->check(CLI::IsMember({"minimal", "browser"}))
        ->capture_default_str();
  }
  if (text.mode == Mode::slow) {
    mode.add_option("--slow-share", flags.options.slow_share, "of the connections that do not read for a while")
        ->check(CLI::Range(0.001, 0.9))
        ->capture_default_str();
  }
}

std::chrono::nanoseconds duration(double seconds) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
}

Options options_of(const Flags& flags) {
  Options options = flags.options;
  if (options.path.empty()) options.path = text_of(options.mode).path;
  options.warm_up = duration(flags.warm_up_seconds);
  options.measured = duration(flags.seconds);
  options.hold = duration(flags.hold_seconds);
  options.content = *content_named(flags.content);
  options.headers = flags.headers == "browser" ? Headers::browser : Headers::minimal;
  if (flags.deflate) options.offer = flags.takeover ? Offer::deflate_with_takeover : Offer::deflate;
  if (flags.rate > 0) options.rate = flags.rate;
  if (flags.tls) options.tls = flags.tls_version == "1.2" ? TlsVersion::v1_2 : TlsVersion::v1_3;
  return options;
}

}  // namespace

std::variant<Options, int> parse_options(int argc, char** argv) {
  Flags flags;
  CLI::App app("Keeps a server on this machine busy, checks its answers, and says what each cost it.", "load");
  app.require_subcommand(1);
  for (const ModeText& text : modes) add_mode(app, flags, text);
  app.failure_message(
      [](const CLI::App*, const CLI::Error& error) { return "load: " + std::string(error.what()) + "\n"; });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return options_of(flags);
}

const char* name_of(Mode mode) { return text_of(mode).name; }

}  // namespace tidewire::bench
