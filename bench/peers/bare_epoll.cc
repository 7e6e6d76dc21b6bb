// The least that a workload can cost on bare epoll: edge-triggered, each connection registered once for all it may ever
// want, one receive and one send for what comes together.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <tidewire/bench/bare_options.h>
#include <tidewire/bench/canned.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

using namespace tidewire::bench;

constexpr std::uint32_t peer_is_done = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

int checked(int result, const std::string& what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

struct Descriptor {
  explicit Descriptor(int opened) noexcept : number(opened) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { ::close(number); }

  const int number;
};

struct Client {
  Client(int descriptor, const CannedAnswers& answers, std::size_t index)
      : socket(descriptor), place(index), peer(answers) {}

  Descriptor socket;
  std::size_t place;  ///< Among the clients.
  CannedPeer peer;
  bool readable = false;  ///< An edge said so, and no receive has come short since.
  bool ended = false;     ///< The peer has sent all it will: no further edge comes, so it is read to the end.
};

class Server {
 public:
  Server(const BareOptions& options);

  [[nodiscard]] int port() const;
  /// Until SIGINT or SIGTERM.
  void run();

 private:
  void watch(const Descriptor& descriptor, std::uint32_t events, void* data);
  void accept_all();
  void serve(Client& client, std::uint32_t events);
  void answer(Client& client, std::string_view received);
  void drop(Client& client);

  CannedAnswers answers_;
  Descriptor epoll_;
  Descriptor signals_;
  Descriptor listener_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::array<char, 64 * 1024> receive_buffer_;
};

/// The signals that end the process, as a descriptor.
int open_signals() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  sigprocmask(SIG_BLOCK, &ends, nullptr);
  return checked(signalfd(-1, &ends, SFD_CLOEXEC), "signalfd");
}

Server::Server(const BareOptions& options)
    : answers_(options.canned),
      epoll_(checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      signals_(open_signals()),
      listener_(checked(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket")) {
  const int on = 1;
  setsockopt(listener_.number, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // Accepted sockets inherit it.
  setsockopt(listener_.number, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(options.port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const std::string failure = "cannot listen on port " + std::to_string(options.port);
  checked(::bind(listener_.number, reinterpret_cast<const sockaddr*>(&address), sizeof address), failure);
  checked(::listen(listener_.number, 4096), failure);
  watch(listener_, EPOLLIN, &listener_);
  watch(signals_, EPOLLIN, &signals_);
}

int Server::port() const {
  sockaddr_in address = {};
  socklen_t size = sizeof address;
  checked(getsockname(listener_.number, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
  return ntohs(address.sin_port);
}

void Server::run() {
  std::array<epoll_event, 512> events;
  for (;;) {
    const int count = epoll_wait(epoll_.number, events.data(), events.size(), -1);
    if (count < 0 && errno != EINTR) checked(count, "epoll_wait");
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.ptr == &signals_) return;
      if (event.data.ptr == &listener_) {
        accept_all();
      } else {
        // It is there: a client is dropped only in its own event, and has one in a round.
        serve(*static_cast<Client*>(event.data.ptr), event.events);
      }
    }
  }
}

void Server::watch(const Descriptor& descriptor, std::uint32_t events, void* data) {
  epoll_event event = {};
  event.events = events;
  event.data.ptr = data;
  checked(epoll_ctl(epoll_.number, EPOLL_CTL_ADD, descriptor.number, &event), "epoll_ctl");
}

void Server::accept_all() {
  for (;;) {
    const int accepted = accept4(listener_.number, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted < 0 && errno == EAGAIN) return;
    if (accepted < 0 && errno == ECONNABORTED) continue;
    checked(accepted, "cannot accept a connection");
    clients_.push_back(std::make_unique<Client>(accepted, answers_, clients_.size()));
    watch(clients_.back()->socket, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, clients_.back().get());
  }
}

/// Sends as much as the socket takes; an edge tells when it takes more. A failure shows in receiving, which is where
/// connections end.
void flush(Client& client) {
  while (!client.peer.output().empty()) {
    const std::string_view output = client.peer.output();
    const ssize_t sent = ::send(client.socket.number, output.data(), output.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return client.peer.forget_output();
    if (sent > 0) client.peer.sent(static_cast<std::size_t>(sent));
    if (sent != static_cast<ssize_t>(output.size())) return;
  }
}

void Server::serve(Client& client, std::uint32_t events) {
  if ((events & peer_is_done) != 0) client.ended = true;
  if ((events & (EPOLLIN | peer_is_done)) != 0) client.readable = true;
  flush(client);
  while (client.readable && client.peer.output().empty() && !client.peer.is_over()) {
    const ssize_t received = ::recv(client.socket.number, receive_buffer_.data(), receive_buffer_.size(), 0);
    if (received < 0 && errno == EAGAIN) {
      client.readable = false;
      return;
    }
    if (received <= 0) return drop(client);
    const auto bytes = static_cast<std::size_t>(received);
    if (bytes < receive_buffer_.size() && !client.ended) client.readable = false;
    answer(client, std::string_view(receive_buffer_.data(), bytes));
  }
  if (client.peer.is_over()) drop(client);
}

void Server::answer(Client& client, std::string_view received) {
  const std::size_t replies = client.peer.take(received);
  if (replies > 0 && client.peer.broadcasts()) {
    for (const auto& each : clients_) {
      each->peer.owe(replies);
      flush(*each);
    }
    return;
  }
  client.peer.owe(replies);
  flush(client);
}

void Server::drop(Client& client) {
  const std::size_t place = client.place;
  clients_[place].swap(clients_.back());
  clients_[place]->place = place;
  clients_.pop_back();
}

}  // namespace

int main(int argc, char** argv) {
  BareOptions options;
  int status = 0;
  if (!parse_bare_options("bare_epoll", argc, argv, options, status)) return status;
  try {
    const auto server = std::make_unique<Server>(options);
    std::printf("bare_epoll listens on 127.0.0.1:%d\n", server->port());
    std::fflush(stdout);
    server->run();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bare_epoll: %s\n", error.what());
    return 1;
  }
}
