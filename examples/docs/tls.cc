/// Serving https and wss: what docs/howto/serve-tls.md quotes. `tls ADDRESS FOLDER`, the folder with the certificates.
#include <tidewire/tidewire.h>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <string>

using namespace tidewire;
using namespace std::chrono_literals;

namespace {

class Echo final : public websocket::Handler {
  void on_message(websocket::Connection& peer, const websocket::Message& message) override { peer.send(message); }
};

void mount(http::Server& server) {
  websocket::route<Echo>(server, "/echo");

  // [request]
  server.get("/connection", [](const http::Request& request, http::Response& response) {
    std::string text(request.scheme());
    if (const tls::Stream* const encryption = request.encryption()) {
      text.append(" ").append(encryption->cipher());
      text.append(", asked for ").append(encryption->server_name());
      if (encryption->resumed()) text.append(", resumed");
    }
    response.send(text + "\n");
  });
  // [request]

  // [who]
  server.get("/who", [](const http::Request& request, http::Response& response) {
    const tls::Stream* const encryption = request.encryption();
    const auto certificate = encryption != nullptr ? encryption->peer_certificate() : std::nullopt;
    response.send(certificate ? "you are " + certificate->common_name + "\n" : "you have shown no certificate\n");
  });
  // [who]
}

/// Says where it listens, or why not.
bool listens(const Result<transport::Address>& address) {
  if (!address) std::fprintf(stderr, "tls: %s\n", address.error().message().c_str());
  if (address) std::printf("tls listens on %s\n", address->to_string().c_str());
  return address.has_value();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string address = argc > 1 ? argv[1] : "127.0.0.1:9001";
  if (argc > 2) std::filesystem::current_path(argv[2]);
  Loop loop;
  http::Server server(loop);
  mount(server);

  // [context]
  auto context = tls::Context::server({.certificate_file = "fullchain.pem", .private_key_file = "privkey.pem"});
  if (!context) {
    std::fprintf(stderr, "tls: %s\n", context.error().message().c_str());
    return 1;
  }
  const auto listening = server.listen(address, *context);
  // [context]
  if (!listens(listening)) return 1;

  // [reload]
  const auto reload = [&] {
    const auto reloaded = context->reload();
    loop.log(reloaded ? LogLevel::info : LogLevel::error,
             reloaded ? "new connections get the new certificate"
                      : "the certificate stays as it was: " + reloaded.error().message());
  };
  loop.on_signal({SIGHUP}, reload).value();
  // [reload]

  // [names]
  auto several = tls::Context::server({
      .certificate_file = "fullchain.pem",
      .private_key_file = "privkey.pem",
      .more_certificates = {{.certificate_file = "other/fullchain.pem", .private_key_file = "other/privkey.pem"}},
  });
  // [names]
  if (!several || !listens(server.listen("127.0.0.1:0", *several))) return 1;

  // [clients]
  auto members = tls::Context::server({
      .certificate_file = "fullchain.pem",
      .private_key_file = "privkey.pem",
      .client_certificates = tls::ClientCertificates::require,
      .client_ca_file = "members.pem",
  });
  // [clients]
  if (!members || !listens(server.listen("127.0.0.1:0", *members))) return 1;

  loop.on_signal({SIGINT, SIGTERM}, [&] { server.drain(10s, [&] { loop.stop(); }); }).value();
  std::fflush(stdout);
  loop.run();
}
