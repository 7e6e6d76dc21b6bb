#pragma once

#include <support/consumers.h>
#include <support/run.h>
#include <support/streams.h>
#include <tidewire/http/server.h>
#include <tidewire/transport/memory_stream.h>
#include <tidewire/websocket/connection.h>
#include <tidewire/websocket/handler.h>
#include <tidewire/websocket/route.h>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// A server and its clients on one loop, and what they say to each other.
namespace tidewire::testing {

inline std::string get(std::string_view path, std::string_view fields = {}) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

inline std::string upgrade(std::string_view path, std::string_view fields = {}) {
  return "GET " + std::string(path) +
         " HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
         std::string(fields) + "\r\n";
}

inline std::string frame_head(unsigned first, std::size_t size, unsigned mask) {
  std::string head(1, static_cast<char>(first));
  if (size < 126) {
    head += static_cast<char>(mask | size);
  } else if (size < 65536) {
    head += static_cast<char>(mask | 126);
    for (int shift = 8; shift >= 0; shift -= 8) head += static_cast<char>(size >> shift);
  } else {
    head += static_cast<char>(mask | 127);
    for (int shift = 56; shift >= 0; shift -= 8) head += static_cast<char>(size >> shift);
  }
  return head;
}

/// A frame as a client sends it; `first` is its first byte, 0x81 for a whole text.
inline std::string masked(unsigned first, std::string_view payload) {
  constexpr std::string_view key = "\x11\x22\x33\x44";
  std::string frame = frame_head(first, payload.size(), 0x80);
  frame += key;
  for (std::size_t index = 0; index < payload.size(); ++index) {
    frame += static_cast<char>(payload[index] ^ key[index % 4]);
  }
  return frame;
}

/// A frame as a server sends it.
inline std::string plain(unsigned first, std::string_view payload) {
  return frame_head(first, payload.size(), 0) + std::string(payload);
}

/// The payload of a Close.
inline std::string farewell(unsigned code, std::string_view reason = {}) {
  return std::string{static_cast<char>(code >> 8), static_cast<char>(code)} + std::string(reason);
}

struct Site {
  explicit Site(const http::ServerOptions& options = {}) : server(std::make_unique<http::Server>(loop, options)) {
    loop.set_log_sink([this](LogLevel, std::string_view line) { log.emplace_back(line); });
  }

  /// A client over a memory stream.
  Recorder& connect(const transport::MemoryStreamOptions& options = {}, bool read = true) {
    return add(transport::memory_pair(loop, options), read);
  }
  Recorder& connect_by(const StreamKind& kind, bool read = true) { return add(kind.connect(loop), read); }
  Recorder& add(Streams streams, bool read) {
    server->serve(std::move(streams.second));
    clients.push_back(std::make_unique<Recorder>(std::move(streams.first), read));
    return *clients.back();
  }

  template <class Done>
  void until(Done done) {
    run_until(loop, done);
  }
  /// The client is told the end, by a FIN or a reset.
  static bool over(const Recorder& client) { return client.ends != 0 || !client.failures.empty(); }
  void until_over(Recorder& client) {
    until([&] { return over(client); });
  }
  void until_received(Recorder& client, std::string_view text) {
    until([&] { return client.received.find(text) != std::string::npos; });
  }
  void until_empty() {
    until([&] { return server->open_connections().value() == 0; });
  }
  [[nodiscard]] bool logged(std::string_view text) const {
    for (const std::string& line : log) {
      if (line.find(text) != std::string::npos) return true;
    }
    return false;
  }

  Loop loop;
  std::vector<std::string> log;
  std::vector<std::unique_ptr<Recorder>> clients;
  std::unique_ptr<http::Server> server;
};

inline std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

/// What a WebSocket handler was told, and what it is to do then.
struct Script {
  std::vector<std::string> events;
  std::function<void(websocket::Connection&)> open, drain;
  std::function<void(websocket::Connection&, const websocket::Message&)> message;
  std::function<void(websocket::Connection&, Bytes)> ping, pong;
  std::function<void(websocket::Connection&, const websocket::CloseInfo&)> close;
  std::function<void()> destroyed;
  websocket::CloseInfo info;  // Without the views.
  std::string reason, detail;
  int closes = 0;

  [[nodiscard]] bool closed() const { return closes != 0; }
};

class Scripted final : public websocket::Handler {
 public:
  explicit Scripted(Script& script) : script_(script) {}
  ~Scripted() override {
    if (script_.destroyed) script_.destroyed();
  }

  void on_open(websocket::Connection& peer) override {
    script_.events.emplace_back("open");
    if (script_.open) script_.open(peer);
  }
  void on_message(websocket::Connection& peer, const websocket::Message& message) override {
    script_.events.push_back((message.is_text() ? "text " : "binary ") + std::string(message.text()));
    if (script_.message) script_.message(peer, message);
  }
  void on_fragment(websocket::Connection&, const websocket::Fragment& fragment) override {
    script_.events.push_back("fragment " + std::string(fragment.text()) + (fragment.last ? "." : ""));
  }
  void on_ping(websocket::Connection& peer, Bytes payload) override {
    script_.events.push_back("ping " + std::string(as_text(payload)));
    if (script_.ping) script_.ping(peer, payload);
  }
  void on_pong(websocket::Connection& peer, Bytes payload) override {
    script_.events.push_back("pong " + std::string(as_text(payload)));
    if (script_.pong) script_.pong(peer, payload);
  }
  void on_drain(websocket::Connection& peer) override {
    script_.events.emplace_back("drain");
    if (script_.drain) script_.drain(peer);
  }
  void on_close(websocket::Connection& peer, const websocket::CloseInfo& why) override {
    ++script_.closes;
    script_.events.emplace_back("close");
    script_.info = {.code = why.code, .reason = {}, .cause = why.cause, .detail = {}};
    script_.reason = why.reason;
    script_.detail = why.detail;
    if (script_.close) script_.close(peer, why);
  }

 private:
  Script& script_;
};

/// Waits for the 101, and forgets what came so far.
inline void await_upgrade(Site& site, Recorder& client) {
  site.until([&] { return client.received.find("\r\n\r\n") != std::string::npos; });
  REQUIRE(client.received.starts_with("HTTP/1.1 101 "));
  client.received.erase(0, client.received.find("\r\n\r\n") + 4);
}

inline Recorder& open_websocket(Site& site, std::string_view path = "/") {
  Recorder& client = site.connect();
  client.write(upgrade(path));
  await_upgrade(site, client);
  return client;
}

}  // namespace tidewire::testing
