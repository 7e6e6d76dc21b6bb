#pragma once

#include <support/consumers.h>
#include <support/run.h>
#include <support/streams.h>
#include <tidewire/core/callback.h>
#include <tidewire/http/server.h>
#include <tidewire/transport/memory_stream.h>
#include <tidewire/websocket/connection.h>
#include <tidewire/websocket/handler.h>
#include <tidewire/websocket/route.h>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// A server and its clients on one loop, and what they say to each other.
namespace tidewire::testing {

std::string get(std::string_view path, std::string_view fields = {});
std::string upgrade(std::string_view path, std::string_view fields = {});

std::string frame_head(unsigned first, std::size_t size, unsigned mask);
/// A frame as a client sends it; `first` is its first byte, 0x81 for a whole text.
std::string masked(unsigned first, std::string_view payload);
/// A frame as a server sends it.
std::string plain(unsigned first, std::string_view payload);
/// The payload of a Close.
std::string farewell(unsigned code, std::string_view reason = {});

struct Site {
  explicit Site(const http::ServerOptions& options = {});
  ~Site();

  /// A client over a memory stream.
  Recorder& connect(const transport::MemoryStreamOptions& options = {}, bool read = true);
  Recorder& connect_by(const StreamKind& kind, bool read = true);
  Recorder& add(Streams streams, bool read);

  void until(const Condition& done);
  /// The client is told the end, by a FIN or a reset.
  static bool over(const Recorder& client);
  void until_over(Recorder& client);
  void until_received(Recorder& client, std::string_view text);
  void until_empty();
  [[nodiscard]] bool logged(std::string_view text) const;

  Loop loop;
  std::vector<std::string> log;
  std::vector<std::unique_ptr<Recorder>> clients;
  std::unique_ptr<http::Server> server;
};

std::size_t count_of(std::string_view text, std::string_view part);

/// What a WebSocket handler was told, and what it is to do then.
struct Script {
  std::vector<std::string> events;
  Callback<void(websocket::Connection&)> open, drain;
  Callback<void(websocket::Connection&, const websocket::Message&)> message;
  Callback<void(websocket::Connection&, Bytes)> ping, pong;
  Callback<void(websocket::Connection&, const websocket::CloseInfo&)> close;
  Callback<void()> destroyed;
  websocket::CloseInfo info;  // Without the views.
  std::string reason, detail;
  int closes = 0;

  Script();
  ~Script();
  [[nodiscard]] bool closed() const { return closes != 0; }
};

class Scripted final : public websocket::Handler {
 public:
  explicit Scripted(Script& script) : script_(script) {}
  ~Scripted() override;

  void on_open(websocket::Connection& peer) override;
  void on_message(websocket::Connection& peer, const websocket::Message& message) override;
  void on_fragment(websocket::Connection&, const websocket::Fragment& fragment) override;
  void on_ping(websocket::Connection& peer, Bytes payload) override;
  void on_pong(websocket::Connection& peer, Bytes payload) override;
  void on_drain(websocket::Connection& peer) override;
  void on_close(websocket::Connection& peer, const websocket::CloseInfo& why) override;

 private:
  Script& script_;
};

/// Waits for the 101, and forgets what came so far.
void await_upgrade(Site& site, Recorder& client);
Recorder& open_websocket(Site& site, std::string_view path = "/");

}  // namespace tidewire::testing
