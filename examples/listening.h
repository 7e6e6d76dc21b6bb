#pragma once

#include <tidewire/http/server.h>
#include <tidewire/tls/context.h>
#include <chrono>
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <string>

/// Where a program listens: the flags for it, and what becomes of them.
namespace tidewire::examples {

struct Listening {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::string certificate = {};
  std::string key = {};
  bool keeps_buffers = false;

  void add_flags(CLI::App& app) {
    app.add_option("--host", host, "IP address to listen on, * for all")->capture_default_str();
    app.add_option("--port", port, "port to listen on, 0 for any")->capture_default_str();
    auto* const with_certificate =
        app.add_option("--tls-certificate", certificate, "speak TLS, with the certificate chain in this PEM file");
    auto* const with_key = app.add_option("--tls-key", key, "the certificate's private key, a PEM file");
    app.add_flag("--tls-keep-buffers", keeps_buffers, "let idle TLS connections keep their buffers, to compare")
        ->needs(with_certificate);
    with_certificate->needs(with_key);
    with_key->needs(with_certificate);
  }

  [[nodiscard]] bool secure() const noexcept { return !certificate.empty(); }

  /// "HOST:PORT", with the brackets that an IPv6 address needs.
  [[nodiscard]] std::string address(std::uint16_t at) const {
    const bool v6 = host.find(':') != std::string::npos && host.front() != '[';
    return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(at);
  }
};

/// Listens there. With TLS, SIGHUP has the certificate read anew.
inline Result<transport::Address> listen(http::Server& server, const Listening& where) {
  if (!where.secure()) return server.listen(where.address(where.port));
  auto context = tls::Context::server({.certificate_file = where.certificate,
                                       .private_key_file = where.key,
                                       .protocol = {.release_buffers = !where.keeps_buffers}});
  if (!context) return context.error();
  auto listening = server.listen(where.address(where.port), *context);
  if (!listening) return listening;
  Loop& loop = server.loop();
  const auto reload = [&loop, kept = *context]() mutable {
    const auto reloaded = kept.reload();
    if (!reloaded) {
      loop.log(LogLevel::error, "the certificate stays as it was: " + reloaded.error().message());
      return;
    }
    for (const std::string& warning : kept.warnings()) loop.log(LogLevel::warning, warning);
    const auto left =
        std::chrono::duration_cast<std::chrono::hours>(*kept.expires() - std::chrono::system_clock::now());
    loop.log(LogLevel::info,
             "the certificate was read anew, and expires in " + std::to_string(left.count() / 24) + " days");
  };
  if (const auto watched = loop.on_signal({SIGHUP}, reload); !watched) return watched.error();
  return listening;
}

/// Says why a program can't listen, and returns its exit status.
inline int cannot_listen(const char* program, const Error& error) {
  std::fprintf(stderr, "%s: %s\n", program, error.message().c_str());
  return error.code == Errc::invalid_argument ? 2 : 1;
}

}  // namespace tidewire::examples
