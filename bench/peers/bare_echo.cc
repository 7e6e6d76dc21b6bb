// The least that a WebSocket echo can cost on libuv, as a measure for servers that do the whole work: it reads into one
// buffer and answers every so many bytes with a frame that was built beforehand. It parses no frame, so its peer has to
// send frames of the one size that was agreed on, as bench/load does.

#include <tidewire/bench/frames.h>
#include <uv.h>
#include <array>
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

namespace {

using namespace tidewire::bench;

struct Server {
  std::size_t request_bytes = 0;
  std::size_t reply_bytes = 0;
  /// As many replies as the requests that end within one full receive buffer.
  std::string replies;
  std::string handshake;
  std::array<char, 64 * 1024> receive_buffer;
};

struct Client {
  uv_tcp_t tcp;
  Server* server = nullptr;
  std::size_t pending_bytes = 0;  ///< Of a request that has not yet come whole.
  bool open = false;              ///< The handshake is done.
};

uv_handle_t* handle(Client* client) { return reinterpret_cast<uv_handle_t*>(&client->tcp); }
uv_stream_t* stream(Client* client) { return reinterpret_cast<uv_stream_t*>(&client->tcp); }

void drop(Client* client) {
  if (uv_is_closing(handle(client)) != 0) return;
  uv_close(handle(client), [](uv_handle_t* closed) { delete static_cast<Client*>(closed->data); });
}

void read_from(Client* client);

uv_buf_t buffer_of(std::string_view bytes) {
  return uv_buf_init(const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
}

void write(Client* client, std::string_view bytes) {
  const uv_buf_t all = buffer_of(bytes);
  const int written = uv_try_write(stream(client), &all, 1);
  if (written == static_cast<int>(bytes.size())) return;
  if (written < 0 && written != UV_EAGAIN) return drop(client);
  if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));

  // The answers live as long as the server, so what is queued needs no copy. Not reading meanwhile bounds it.
  uv_read_stop(stream(client));
  const uv_buf_t rest = buffer_of(bytes);
  auto* request = new uv_write_t;
  const int queued = uv_write(request, stream(client), &rest, 1, [](uv_write_t* done, int status) {
    auto* owner = static_cast<Client*>(done->handle->data);
    delete done;
    if (status < 0) return drop(owner);
    read_from(owner);
  });
  if (queued < 0) {
    delete request;
    drop(client);
  }
}

/// A small request over loopback comes in one piece; one that does not is turned away.
void answer_handshake(Client* client, std::string_view request) {
  if (!request.ends_with("\r\n\r\n") || request.find(handshake_key) == std::string_view::npos) return drop(client);
  client->open = true;
  write(client, client->server->handshake);
}

void answer_requests(Client* client, std::size_t received_bytes) {
  const Server& server = *client->server;
  const std::size_t bytes = client->pending_bytes + received_bytes;
  client->pending_bytes = bytes % server.request_bytes;
  const std::size_t count = bytes / server.request_bytes;
  if (count > 0) write(client, std::string_view(server.replies).substr(0, count * server.reply_bytes));
}

void read_from(Client* client) {
  if (uv_is_closing(handle(client)) != 0) return;
  const auto allocate = [](uv_handle_t* reader, std::size_t, uv_buf_t* buffer) {
    auto& space = static_cast<Client*>(reader->data)->server->receive_buffer;
    *buffer = uv_buf_init(space.data(), static_cast<unsigned>(space.size()));
  };
  const auto on_read = [](uv_stream_t* reader, ssize_t received, const uv_buf_t* buffer) {
    auto* reading = static_cast<Client*>(reader->data);
    if (received < 0) return drop(reading);
    const auto bytes = static_cast<std::size_t>(received);
    if (reading->open) return answer_requests(reading, bytes);
    answer_handshake(reading, std::string_view(buffer->base, bytes));
  };
  if (uv_read_start(stream(client), allocate, on_read) != 0) drop(client);
}

void accept_one(uv_stream_t* listener, int status) {
  if (status < 0) return;
  auto* client = new Client;
  uv_tcp_init(listener->loop, &client->tcp);
  client->tcp.data = client;
  client->server = static_cast<Server*>(listener->data);
  if (uv_accept(listener, stream(client)) != 0) return drop(client);
  uv_tcp_nodelay(&client->tcp, 1);
  read_from(client);
}

int fail(const char* what, int error) {
  std::fprintf(stderr, "bare_echo: %s: %s\n", what, uv_strerror(error));
  return 1;
}

int serve(Server& server, int port) {
  uv_loop_t loop;
  uv_loop_init(&loop);
  uv_tcp_t listener;
  uv_tcp_init(&loop, &listener);
  listener.data = &server;
  sockaddr_in address;
  uv_ip4_addr("127.0.0.1", port, &address);

  int result = uv_tcp_bind(&listener, reinterpret_cast<const sockaddr*>(&address), 0);
  if (result == 0) result = uv_listen(reinterpret_cast<uv_stream_t*>(&listener), 4096, accept_one);
  std::array<uv_signal_t, 2> signals;
  const std::array<int, 2> numbers = {SIGINT, SIGTERM};
  for (std::size_t i = 0; i < signals.size(); ++i) {
    uv_signal_init(&loop, &signals[i]);
    uv_signal_start(
        &signals[i], [](uv_signal_t* signal, int) { uv_stop(signal->loop); }, numbers[i]);
  }
  if (result == 0) {
    std::printf("bare_echo listens on 127.0.0.1:%d\n", port);
    std::fflush(stdout);
    uv_run(&loop, UV_RUN_DEFAULT);
  }

  const auto close_each = [](uv_handle_t* each, void* own_listener) {
    if (each->type == UV_TCP && each != own_listener) return drop(static_cast<Client*>(each->data));
    if (uv_is_closing(each) == 0) uv_close(each, nullptr);
  };
  uv_walk(&loop, close_each, &listener);
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  return result == 0 ? 0 : fail("cannot listen", result);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Echoes WebSocket messages of one size on libuv with the least work possible.", "bare_echo");
  int port = 9001;
  std::size_t payload_bytes = 20;
  std::string content_name = "ascii";
  app.add_option("--port", port, "TCP port on 127.0.0.1")->check(CLI::Range(1, 65535))->capture_default_str();
  app.add_option("--payload-bytes", payload_bytes, "size of every message")
      ->check(CLI::Range(std::size_t{0}, std::size_t{16} << 20))
      ->capture_default_str();
  app.add_option("--content", content_name, "what messages consist of")
      ->check(CLI::IsMember(content_names()))
      ->capture_default_str();
  app.failure_message(
      [](const CLI::App*, const CLI::Error& error) { return "bare_echo: " + std::string(error.what()) + "\n"; });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }

  const Content content = *content_named(content_name);
  const std::string message = payload(content, payload_bytes);
  const std::string reply = server_frame(content, message);
  const auto server = std::make_unique<Server>();
  server->request_bytes = client_frame(content, message, 0).size();
  server->reply_bytes = reply.size();
  const std::size_t most = server->receive_buffer.size() / server->request_bytes + 1;
  for (std::size_t i = 0; i < most; ++i) server->replies += reply;
  server->handshake =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: " +
      std::string(handshake_accept) + "\r\n\r\n";
  return serve(*server, port);
}
