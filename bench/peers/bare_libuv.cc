// The least that a workload can cost on libuv, as a measure for servers that do the whole work.

#include <tidewire/bench/bare_options.h>
#include <tidewire/bench/canned.h>
#include <uv.h>
#include <array>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string_view>
#include <vector>

namespace {

using namespace tidewire::bench;

struct Client;

struct Server {
  explicit Server(const CannedOptions& options) : answers(options) {}

  CannedAnswers answers;
  std::vector<Client*> clients;  ///< Each until its handle is closed.
  std::array<char, 64 * 1024> receive_buffer;
};

struct Client {
  explicit Client(Server& owner) : server(owner), place(owner.clients.size()), peer(owner.answers) {
    server.clients.push_back(this);
  }

  uv_tcp_t tcp = {};
  uv_write_t write = {};
  std::size_t queued_bytes = 0;  ///< That libuv has to send before more output; nothing is read meanwhile.
  Server& server;
  std::size_t place;  ///< Among the clients.
  CannedPeer peer;
};

uv_handle_t* handle(Client* client) { return reinterpret_cast<uv_handle_t*>(&client->tcp); }
uv_stream_t* stream(Client* client) { return reinterpret_cast<uv_stream_t*>(&client->tcp); }

void drop(Client* client) {
  if (uv_is_closing(handle(client)) != 0) return;
  uv_close(handle(client), [](uv_handle_t* closed) {
    const std::unique_ptr<Client> last(static_cast<Client*>(closed->data));
    auto& clients = last->server.clients;
    clients[last->place] = clients.back();
    clients[last->place]->place = last->place;
    clients.pop_back();
  });
}

void flush(Client* client);
void read_from(Client* client);

uv_buf_t buffer_of(std::string_view bytes) {
  return uv_buf_init(const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
}

/// Leaves what the socket does not take to libuv: the answers live as long as the server, so there is nothing to copy.
void queue_output(Client* client) {
  const uv_buf_t rest = buffer_of(client->peer.output());
  uv_read_stop(stream(client));
  client->queued_bytes = rest.len;
  const auto on_written = [](uv_write_t* done, int status) {
    auto* writer = static_cast<Client*>(done->handle->data);
    const std::size_t bytes = writer->queued_bytes;
    writer->queued_bytes = 0;
    if (status < 0) return drop(writer);
    writer->peer.sent(bytes);
    flush(writer);
    if (writer->queued_bytes == 0) read_from(writer);
  };
  if (uv_write(&client->write, stream(client), &rest, 1, on_written) != 0) drop(client);
}

void flush(Client* client) {
  if (uv_is_closing(handle(client)) != 0) return;
  while (client->queued_bytes == 0 && !client->peer.output().empty()) {
    const uv_buf_t all = buffer_of(client->peer.output());
    const int written = uv_try_write(stream(client), &all, 1);
    if (written < 0 && written != UV_EAGAIN) return drop(client);
    if (written > 0) client->peer.sent(static_cast<std::size_t>(written));
    if (written != static_cast<int>(all.len)) queue_output(client);
  }
  if (client->peer.is_over()) drop(client);
}

void answer(Client* client, std::string_view received) {
  const std::size_t replies = client->peer.take(received);
  if (replies > 0 && client->peer.broadcasts()) {
    // Dropped ones leave the clients only later, in their close callback.
    for (Client* each : client->server.clients) {
      each->peer.owe(replies);
      flush(each);
    }
    return;
  }
  client->peer.owe(replies);
  flush(client);
}

void read_from(Client* client) {
  if (uv_is_closing(handle(client)) != 0) return;
  const auto allocate = [](uv_handle_t* reader, std::size_t, uv_buf_t* buffer) {
    auto& space = static_cast<Client*>(reader->data)->server.receive_buffer;
    *buffer = uv_buf_init(space.data(), static_cast<unsigned>(space.size()));
  };
  const auto on_read = [](uv_stream_t* reader, ssize_t received, const uv_buf_t* buffer) {
    auto* reading = static_cast<Client*>(reader->data);
    if (received < 0) return drop(reading);
    answer(reading, std::string_view(buffer->base, static_cast<std::size_t>(received)));
  };
  if (uv_read_start(stream(client), allocate, on_read) != 0) drop(client);
}

void accept_one(uv_stream_t* listener, int status) {
  if (status < 0) return;
  auto* client = new Client(*static_cast<Server*>(listener->data));
  uv_tcp_init(listener->loop, &client->tcp);
  client->tcp.data = client;
  if (uv_accept(listener, stream(client)) != 0) return drop(client);
  uv_tcp_nodelay(&client->tcp, 1);
  read_from(client);
}

/// 0 or libuv's error; the port that it listens on then.
int listen(uv_tcp_t& listener, int& port) {
  sockaddr_in address = {};
  uv_ip4_addr("127.0.0.1", port, &address);
  int result = uv_tcp_bind(&listener, reinterpret_cast<const sockaddr*>(&address), 0);
  if (result == 0) result = uv_listen(reinterpret_cast<uv_stream_t*>(&listener), 4096, accept_one);
  int size = sizeof address;
  if (result == 0) result = uv_tcp_getsockname(&listener, reinterpret_cast<sockaddr*>(&address), &size);
  port = ntohs(address.sin_port);
  return result;
}

int serve(Server& server, int port) {
  uv_loop_t loop;
  uv_loop_init(&loop);
  uv_tcp_t listener;
  uv_tcp_init(&loop, &listener);
  listener.data = &server;
  std::array<uv_signal_t, 2> signals;
  const std::array<int, 2> numbers = {SIGINT, SIGTERM};
  const auto on_signal = [](uv_signal_t* signal, int) { uv_stop(signal->loop); };
  for (std::size_t i = 0; i < signals.size(); ++i) {
    uv_signal_init(&loop, &signals[i]);
    uv_signal_start(&signals[i], on_signal, numbers[i]);
  }

  const int result = listen(listener, port);
  if (result == 0) {
    std::printf("bare_libuv listens on 127.0.0.1:%d\n", port);
    std::fflush(stdout);
    uv_run(&loop, UV_RUN_DEFAULT);
  } else {
    std::fprintf(stderr, "bare_libuv: cannot listen on port %d: %s\n", port, uv_strerror(result));
  }

  for (Client* each : server.clients) drop(each);
  uv_close(reinterpret_cast<uv_handle_t*>(&listener), nullptr);
  for (uv_signal_t& signal : signals) uv_close(reinterpret_cast<uv_handle_t*>(&signal), nullptr);
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  return result == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  BareOptions options;
  int status = 0;
  if (!parse_bare_options("bare_libuv", argc, argv, options, status)) return status;
  const auto server = std::make_unique<Server>(options.canned);
  return serve(*server, options.port);
}
