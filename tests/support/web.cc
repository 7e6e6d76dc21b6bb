#include <doctest/doctest.h>
#include <support/web.h>

namespace tidewire::testing {

std::string get(std::string_view path, std::string_view fields) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

std::string upgrade(std::string_view path, std::string_view fields) {
  return "GET " + std::string(path) +
         " HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
         std::string(fields) + "\r\n";
}

std::string frame_head(unsigned first, std::size_t size, unsigned mask) {
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

std::string masked(unsigned first, std::string_view payload) {
  constexpr std::string_view key = "\x11\x22\x33\x44";
  std::string frame = frame_head(first, payload.size(), 0x80);
  frame += key;
  for (std::size_t index = 0; index < payload.size(); ++index) {
    frame += static_cast<char>(payload[index] ^ key[index % 4]);
  }
  return frame;
}

std::string plain(unsigned first, std::string_view payload) {
  return frame_head(first, payload.size(), 0) + std::string(payload);
}

std::string farewell(unsigned code, std::string_view reason) {
  return std::string{static_cast<char>(code >> 8), static_cast<char>(code)} + std::string(reason);
}

Site::Site(const http::ServerOptions& options) : server(std::make_unique<http::Server>(loop, options)) {
  loop.set_log_sink([this](LogLevel, std::string_view line) { log.emplace_back(line); });
}

Site::~Site() = default;

Recorder& Site::connect(const transport::MemoryStreamOptions& options, bool read) {
  return add(transport::memory_pair(loop, options), read);
}

Recorder& Site::connect_by(const StreamKind& kind, bool read) { return add(kind.connect(loop), read); }

Recorder& Site::add(Streams streams, bool read) {
  server->serve(std::move(streams.second));
  clients.push_back(std::make_unique<Recorder>(std::move(streams.first), read));
  return *clients.back();
}

void Site::until(const Condition& done) { run_until(loop, done); }

bool Site::over(const Recorder& client) { return client.ends != 0 || !client.failures.empty(); }

void Site::until_over(Recorder& client) {
  until([&] { return over(client); });
}

void Site::until_received(Recorder& client, std::string_view text) {
  until([&] { return client.received.find(text) != std::string::npos; });
}

void Site::until_empty() {
  until([&] { return server->open_connections().value() == 0; });
}

bool Site::logged(std::string_view text) const {
  for (const std::string& line : log) {
    if (line.find(text) != std::string::npos) return true;
  }
  return false;
}

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

Script::Script() = default;

Script::~Script() = default;

Scripted::~Scripted() {
  if (script_.destroyed) script_.destroyed();
}

void Scripted::on_open(websocket::Connection& peer) {
  script_.events.emplace_back("open");
  if (script_.open) script_.open(peer);
}

void Scripted::on_message(websocket::Connection& peer, const websocket::Message& message) {
  script_.events.push_back((message.is_text() ? "text " : "binary ") + std::string(message.text()));
  if (script_.message) script_.message(peer, message);
}

void Scripted::on_fragment(websocket::Connection&, const websocket::Fragment& fragment) {
  script_.events.push_back("fragment " + std::string(fragment.text()) + (fragment.last ? "." : ""));
}

void Scripted::on_ping(websocket::Connection& peer, Bytes payload) {
  script_.events.push_back("ping " + std::string(as_text(payload)));
  if (script_.ping) script_.ping(peer, payload);
}

void Scripted::on_pong(websocket::Connection& peer, Bytes payload) {
  script_.events.push_back("pong " + std::string(as_text(payload)));
  if (script_.pong) script_.pong(peer, payload);
}

void Scripted::on_drain(websocket::Connection& peer) {
  script_.events.emplace_back("drain");
  if (script_.drain) script_.drain(peer);
}

void Scripted::on_close(websocket::Connection& peer, const websocket::CloseInfo& why) {
  ++script_.closes;
  script_.events.emplace_back("close");
  script_.info = {.code = why.code, .reason = {}, .cause = why.cause, .detail = {}};
  script_.reason = why.reason;
  script_.detail = why.detail;
  if (script_.close) script_.close(peer, why);
}

void await_upgrade(Site& site, Recorder& client) {
  site.until([&] { return client.received.find("\r\n\r\n") != std::string::npos; });
  REQUIRE(client.received.starts_with("HTTP/1.1 101 "));
  client.received.erase(0, client.received.find("\r\n\r\n") + 4);
}

Recorder& open_websocket(Site& site, std::string_view path) {
  Recorder& client = site.connect();
  client.write(upgrade(path));
  await_upgrade(site, client);
  return client;
}

}  // namespace tidewire::testing
