#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace tidewire::bench {

/// Adds `--port`, which every measured server has.
inline void add_port(CLI::App& app, int& port) {
  app.add_option("--port", port, "TCP port on 127.0.0.1, 0 for any")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
}

/// Whether and how messages are compressed (RFC 7692).
struct Deflate {
  bool on = false;
  bool takeover = false;  ///< Messages may refer to earlier ones.
};

/// Adds `--deflate` and `--takeover`.
inline void add_deflate(CLI::App& app, Deflate& deflate) {
  auto* on = app.add_flag("--deflate", deflate.on, "compress messages with clients that offer it");
  app.add_flag("--takeover", deflate.takeover, "and let messages refer to earlier ones")->needs(on);
}

/// What a server that speaks TLS needs, in PEM files; both empty in the clear.
struct Tls {
  std::string certificate;  ///< The chain.
  std::string key;
  [[nodiscard]] bool on() const noexcept { return !certificate.empty(); }
};

/// Adds `--tls-certificate` and `--tls-key`.
inline void add_tls(CLI::App& app, Tls& tls) {
  auto* certificate =
      app.add_option("--tls-certificate", tls.certificate, "speak TLS, with this certificate chain (PEM)");
  auto* key = app.add_option("--tls-key", tls.key, "and its private key (PEM)");
  certificate->needs(key);
  key->needs(certificate);
}

/// Reads the flags. False when the process should end with `status`: help was printed, or one line said what is wrong.
[[nodiscard]] inline bool parse(CLI::App& app, int argc, char** argv, int& status) {
  app.failure_message([](const CLI::App* failed, const CLI::Error& error) {
    return failed->get_name() + ": " + error.what() + " (see --help)\n";
  });
  try {
    app.parse(argc, argv);
    return true;
  } catch (const CLI::ParseError& error) {
    status = app.exit(error) == 0 ? 0 : 2;
    return false;
  }
}

}  // namespace tidewire::bench
