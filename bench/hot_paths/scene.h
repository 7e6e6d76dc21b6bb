#pragma once

#include <support/certificates.h>
#include <tidewire/bench/client.h>
#include <tidewire/bench/heads.h>
#include <tidewire/http/server.h>
#include <tidewire/tls/stream.h>
#include <tidewire/transport/memory_stream.h>
#include <tidewire/websocket/handler.h>
#include <tidewire/websocket/route.h>
#include <tidewire/websocket/topics.h>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace tidewire::bench {

/// No connection goes there, but requests name it.
inline const Endpoint& endpoint() {
  static const Endpoint here{.host = "127.0.0.1", .port = 9001, .address = {}};
  return here;
}

inline void require(bool good, const char* otherwise) {
  if (!good) throw std::runtime_error(otherwise);
}

/// What carries the bytes: memory streams, or TLS over them.
enum class Wire : std::uint8_t { plain, tls };

/// A server with what echo_server serves, and clients of it.
class Scene {
 public:
  explicit Scene(Wire wire = Wire::plain) : wire_(wire) {
    loop_.set_log_sink([](LogLevel, std::string_view line) { throw std::runtime_error(std::string(line)); });
    using websocket::DeflateOptions;
    serve_echo("/echo", {});
    serve_echo("/deflate", DeflateOptions());
    serve_echo("/takeover", DeflateOptions::with_takeover());
    serve_echo("/frugal", DeflateOptions::with_frugal_takeover());
    websocket::route(server_, "/publish",
                     {.on_message = [this](auto&, const auto& message) { topics_.publish("all", message); }});
    websocket::route(server_, "/subscribe", {.on_open = [this](auto& peer) { topics_.subscribe(peer, "all"); }});
    server_.get("/plaintext", [](const http::Request&, http::Response& response) { response.send("Hello, World!"); });

    upgraded_ = answer_to(handshake_request(endpoint(), "/echo"), "\r\n\r\n");
    require(upgraded_.starts_with("HTTP/1.1 101 "), "the server does not upgrade");
    require(upgraded_.find(handshake_accept) != std::string::npos, "the server's Sec-WebSocket-Accept is wrong");
  }

  /// The client's end of a connection.
  transport::StreamPtr stream() {
    // A read of a socket brings as much at most.
    auto [near, far] = transport::memory_pair(loop_, {.capacity_bytes = 1 << 20, .chunk_bytes = 64 * 1024});
    if (wire_ == Wire::tls) {
      near = tls::connect(client_context(), std::move(near), "localhost", endpoint().port).value();
      far = tls::accept(server_context(), std::move(far));
    }
    server_.serve(std::move(far));
    return std::move(near);
  }

  std::unique_ptr<Client> connect() { return std::make_unique<Client>(stream(), received_); }

  /// A client that has been upgraded.
  std::unique_ptr<Client> open(std::string_view path) {
    auto client = connect();
    client->expect(answer_to_upgrade());
    client->send(handshake_request(endpoint(), path));
    await(answer_to_upgrade().size());
    require(!client->wrong(), "the server's answer to an upgrade is not always the same");
    return client;
  }

  /// Runs the loop until all clients together have received so much since the last time.
  void await(std::size_t bytes) {
    until([&] { return received_ - awaited_ >= bytes; });
    awaited_ += bytes;
  }
  template <class Done>
  void until(Done done) {
    for (int turn = 0; !done(); ++turn) {
      require(turn < 10'000, "the server does not answer");
      loop_.run_once(false);
    }
  }
  /// Nothing comes that was not waited for.
  void settle() {
    for (int turn = 0; turn < 20; ++turn) loop_.run_once(false);
    require(received_ == awaited_, "the server says too much");
  }
  void until_all_have_gone() {
    until([this] { return server_.open_connections().value() == 0; });
  }

  /// What `request` is answered with, on a connection of its own; it ends with `end`.
  std::string answer_to(std::string_view request, std::string_view end) {
    std::string answer;
    struct Listener final : transport::Consumer {
      explicit Listener(std::string& out) : text(out) {}
      void on_data(MutableBytes bytes) override { text += as_text(bytes); }
      void on_end() override { ended = true; }
      // A WebSocket that ends without its own Close is cut off, which TLS tells from an end.
      void on_failed(const Error&) override { ended = true; }
      void on_closed() noexcept override {}
      void drain() override {}
      void abandon() noexcept override {}
      void on_deadline() noexcept override {}
      std::string& text;
      bool ended = false;
    } listener(answer);
    transport::StreamPtr near = stream();
    near->attach(listener);
    near->resume();
    near->write(as_bytes(request));
    until([&] { return answer.ends_with(end); });
    near->end();
    until([&] { return listener.ended; });
    near.reset();
    until_all_have_gone();
    return answer;
  }

  /// The 101, which is the same for all paths.
  [[nodiscard]] std::string_view answer_to_upgrade() const noexcept { return upgraded_; }

 private:
  void serve_echo(std::string path, std::optional<websocket::DeflateOptions> deflate) {
    websocket::Options options;
    options.deflate = deflate;
    websocket::route(server_, std::move(path),
                     {.on_message = [](auto& peer, const auto& message) { (void)peer.send(message); }}, options);
  }

  static const tls::Context& server_context() {
    static const tls::Context context = [] {
      const testing::Issued issued = testing::self_signed();
      return tls::Context::server({.certificate = issued.certificate, .private_key = issued.private_key}).value();
    }();
    return context;
  }
  static const tls::Context& client_context() {
    static const tls::Context context =
        tls::Context::client({.dangerously_accept_any_certificate = true, .max_sessions = 0}).value();
    return context;
  }

  const Wire wire_;
  Loop loop_;
  websocket::Topics topics_{loop_};
  http::Server server_{loop_};
  std::string upgraded_;
  std::size_t received_ = 0;
  std::size_t awaited_ = 0;
};

}  // namespace tidewire::bench
