#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <tidewire/bench/connect.h>
#include <tidewire/bench/heads.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <iterator>
#include <utility>

namespace tidewire::bench {
namespace {

/// So many connections wait for the server at a time: fewer than the shortest backlog, or the system drops some and
/// their connect takes a second.
constexpr std::size_t wave_size = 128;
constexpr timeval call_timeout = {.tv_sec = 5, .tv_usec = 0};
constexpr std::size_t max_head_bytes = 16 * 1024;
constexpr std::size_t max_body_bytes = 16 * 1024 * 1024;

Error system_error(std::string detail) {
  // A blocking call that runs into SO_RCVTIMEO or SO_SNDTIMEO ends with these.
  if (errno == EAGAIN || errno == EINPROGRESS) return {Errc::timeout, std::move(detail)};
  return Error::system(-errno, std::move(detail));
}

Result<Connection> open_connection(const Endpoint& endpoint) {
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.number() < 0) return system_error("socket");
  const int on = 1;
  setsockopt(socket.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(socket.number(), SOL_SOCKET, SO_RCVTIMEO, &call_timeout, sizeof call_timeout);
  setsockopt(socket.number(), SOL_SOCKET, SO_SNDTIMEO, &call_timeout, sizeof call_timeout);
  const auto* address = reinterpret_cast<const sockaddr*>(&endpoint.address);
  if (::connect(socket.number(), address, sizeof endpoint.address) != 0) {
    return system_error("connect to " + endpoint.host + ":" + std::to_string(endpoint.port));
  }
  if (endpoint.tls == nullptr) return Connection(std::move(socket));
  auto channel = endpoint.tls->channel();
  if (!channel) return channel.error();
  return Connection(std::move(socket), *std::move(channel));
}

Result<void> finish_tls(Connection& connection) {
  for (;;) {
    const auto step = connection.shake_hands();
    if (!step) return step.error();
    if (*step == Handshake::done) return {};
    if (*step == Handshake::waits) return Error{Errc::timeout, "TLS handshake"};
  }
}

/// Each handshake begins before the first one ends, so that the server has work meanwhile.
Result<void> finish_tls(std::vector<Connection>& connections) {
  for (Connection& connection : connections) {
    if (const auto begun = connection.shake_hands(); !begun) return begun.error();
  }
  for (Connection& connection : connections) {
    if (auto finished = finish_tls(connection); !finished) return finished;
  }
  return {};
}

Result<void> send_all(Connection& connection, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = connection.send_some(bytes);
    if (!sent) return sent.error();
    if (*sent == 0) return Error{Errc::timeout, "send"};
    bytes.remove_prefix(*sent);
  }
  return {};
}

Result<void> receive_more(Connection& connection, std::string& bytes) {
  std::array<char, least_receive_buffer_bytes> buffer;
  const auto received = connection.receive_some(buffer);
  if (!received) return received.error();
  if (received->nothing) return Error{Errc::timeout, "receive"};
  bytes.append(buffer.data(), received->bytes);
  return {};
}

/// Reads up to the blank line that ends a response's head, and what happens to come with it; the head's size.
Result<std::size_t> receive_head(Connection& connection, std::string& bytes) {
  for (;;) {
    if (auto more = receive_more(connection, bytes); !more) return more.error();
    if (const auto end = bytes.find("\r\n\r\n"); end != std::string::npos) return end + 4;
    if (bytes.size() > max_head_bytes) return Error{Errc::too_large, "the head of the response"};
  }
}

/// The head of the answer.
Result<std::string> finish_handshake(Connection& connection, Offer offer) {
  std::string bytes;
  const auto end = receive_head(connection, bytes);
  if (!end) return end.error();
  if (auto right = check_handshake(std::string_view(bytes).substr(0, *end), offer); !right) return right.error();
  if (bytes.size() != *end) return Error{Errc::protocol_error, "the server sent something right after the handshake"};
  return bytes;
}

}  // namespace

Result<Endpoint> loopback_endpoint(std::string_view host, std::uint16_t port) {
  Endpoint endpoint;
  endpoint.host = host;
  endpoint.port = port;
  endpoint.address.sin_family = AF_INET;
  endpoint.address.sin_port = htons(port);
  const std::string address = host == "localhost" ? "127.0.0.1" : endpoint.host;
  const bool parsed = inet_pton(AF_INET, address.c_str(), &endpoint.address.sin_addr) == 1;
  if (!parsed || ntohl(endpoint.address.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET) {
    return Error{Errc::refused,
                 endpoint.host + " is not in 127.0.0.0/8, and only servers on this machine are measured"};
  }
  return endpoint;
}

Result<void> allow_open_files(std::size_t count) {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return Error::system(-errno, "getrlimit");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return Error::system(-errno, "setrlimit");
  if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < count) {
    return Error{Errc::too_large, "the system lets a process open " + std::to_string(limit.rlim_max) + " files, not " +
                                      std::to_string(count)};
  }
  return {};
}

Result<std::vector<Connection>> open_connections(const Endpoint& endpoint, std::size_t count) {
  std::vector<Connection> connections;
  connections.reserve(count);
  while (connections.size() < count) {
    std::vector<Connection> wave;
    while (wave.size() < std::min(wave_size, count - connections.size())) {
      auto opened = open_connection(endpoint);
      if (!opened) return opened.error();
      wave.push_back(*std::move(opened));
    }
    if (auto finished = finish_tls(wave); !finished) return finished.error();
    std::move(wave.begin(), wave.end(), std::back_inserter(connections));
  }
  return connections;
}

Result<std::vector<Connection>> open_websockets(const Endpoint& endpoint, std::string_view path, std::size_t count,
                                                Offer offer) {
  const std::string handshake = handshake_request(endpoint, path, offer);
  std::vector<Connection> connections;
  connections.reserve(count);
  while (connections.size() < count) {
    auto wave = open_connections(endpoint, std::min(wave_size, count - connections.size()));
    if (!wave) return wave.error();
    for (Connection& connection : *wave) {
      if (auto sent = send_all(connection, handshake); !sent) return sent.error();
    }
    for (Connection& connection : *wave) {
      if (auto finished = finish_handshake(connection, offer); !finished) return finished.error();
      connections.push_back(std::move(connection));
    }
  }
  return connections;
}

Result<std::string> agreed_extension(const Endpoint& endpoint, std::string_view path, Offer offer) {
  auto connection = open_connections(endpoint, 1);
  if (!connection) return connection.error();
  const std::string handshake = handshake_request(endpoint, path, offer);
  if (auto sent = send_all(connection->front(), handshake); !sent) return sent.error();
  const auto head = finish_handshake(connection->front(), offer);
  if (!head) return head.error();
  return std::string(header_field(*head, "Sec-WebSocket-Extensions"));
}

Result<void> make_non_blocking(const std::vector<Connection>& connections) {
  for (const Connection& connection : connections) {
    const int flags = fcntl(connection.descriptor(), F_GETFL);
    if (flags < 0 || fcntl(connection.descriptor(), F_SETFL, flags | O_NONBLOCK) != 0) {
      return Error::system(-errno, "fcntl");
    }
  }
  return {};
}

Result<Response> request(Connection& connection, std::string_view bytes) {
  if (auto sent = send_all(connection, bytes); !sent) return sent.error();
  Response response;
  const auto end = receive_head(connection, response.head);
  if (!end) return end.error();
  response.body = response.head.substr(*end);
  response.head.resize(*end);

  const std::string_view length = header_field(response.head, "Content-Length");
  std::size_t body_bytes = 0;
  const auto parsed = std::from_chars(length.data(), length.data() + length.size(), body_bytes);
  if (parsed.ec != std::errc() || parsed.ptr != length.data() + length.size() || body_bytes > max_body_bytes) {
    return Error{Errc::protocol_error, "a response without a usable Content-Length: " + first_line(response.head)};
  }
  while (response.body.size() < body_bytes) {
    if (auto more = receive_more(connection, response.body); !more) return more.error();
  }
  if (response.body.size() > body_bytes)
    return Error{Errc::protocol_error, "a response longer than its Content-Length"};
  return response;
}

}  // namespace tidewire::bench
