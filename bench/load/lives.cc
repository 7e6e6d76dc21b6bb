#include <netinet/tcp.h>
#include <sys/socket.h>
#include <tidewire/bench/frames.h>
#include <tidewire/bench/heads.h>
#include <tidewire/bench/lives.h>
#include <algorithm>
#include <cerrno>
#include <utility>

namespace tidewire::bench {
namespace {

constexpr std::size_t most_before_upgrade = 128;
constexpr std::size_t most_head_bytes = 16 * 1024;
constexpr std::size_t receive_buffer_bytes = least_receive_buffer_bytes;
constexpr std::string_view code_1000 = "\x03\xe8";

}  // namespace

Lives::Lives(Poller poller, const Endpoint& endpoint, std::string_view path, std::size_t at_a_time)
    : endpoint_(endpoint),
      handshake_(handshake_request(endpoint, path)),
      close_(client_close_frame(code_1000, 0x6455)),
      poller_(std::move(poller)),
      lives_(at_a_time),
      receive_buffer_(receive_buffer_bytes) {
  unborn_.reserve(at_a_time);
}

Result<std::unique_ptr<Lives>> Lives::with(const Endpoint& endpoint, std::string_view path, std::size_t at_a_time) {
  auto poller = Poller::create();
  if (!poller) return poller.error();
  return std::unique_ptr<Lives>(new Lives(*std::move(poller), endpoint, path, at_a_time));
}

Result<void> Lives::run_once() {
  if (auto lived = all_once(); !lived) return lived;
  if (endpoint_.tls == nullptr || !endpoint_.tls->resumes()) return {};
  if (!endpoint_.tls->has_session()) return Error{Errc::refused, "TLS: the server gave no session to resume"};
  return all_once();
}

Result<void> Lives::all_once() {
  if (auto started = start_all(); !started) return started;
  return finish();
}

Result<void> Lives::start() {
  starting_ = true;
  return start_all();
}

Result<void> Lives::finish() {
  // When nothing was to follow from the start, each has its one life still to come.
  if (std::exchange(starting_, false)) unborn_.clear();
  while (living_ > 0 || !unborn_.empty()) {
    if (auto turned = turn(Clock::time_point::max()); !turned) return turned;
  }
  return {};
}

Result<void> Lives::start_all() {
  for (Life& life : lives_) unborn_.push_back(&life);
  return bear_some();
}

Result<void> Lives::turn(Clock::time_point) {
  const auto events = poller_.wait(stall_time);
  if (!events) return events.error();
  if (events->empty()) {
    const bool closing = before_upgrade_ == 0;
    return Error{Errc::timeout, std::to_string(living_) + (closing ? " connections were not closed by the server in 5 s"
                                                                   : " connections got no answer in 5 s")};
  }
  for (const epoll_event& event : *events) {
    Life& life = *static_cast<Life*>(event.data.ptr);
    if (life.stage == Stage::connecting) {
      if (auto sent = upgrade(life); !sent) return sent;
    } else if (readable(event)) {
      if (auto received = receive(life, (event.events & EPOLLRDHUP) != 0); !received) return received;
    }
  }
  return bear_some();
}

Result<void> Lives::bear_some() {
  while (!unborn_.empty() && before_upgrade_ < most_before_upgrade) {
    Life& life = *unborn_.back();
    unborn_.pop_back();
    if (auto born = bear(life); !born) return born;
  }
  return {};
}

Result<void> Lives::bear(Life& life) {
  life.born = Clock::now();
  life.stage = Stage::connecting;
  life.received.clear();
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.number() < 0) return Error::system(-errno, "socket");
  const auto* address = reinterpret_cast<const sockaddr*>(&endpoint_.address);
  const int connected = ::connect(socket.number(), address, sizeof endpoint_.address);
  if (connected != 0 && errno != EINPROGRESS) {
    return Error::system(-errno, "connect to " + endpoint_.host + ":" + std::to_string(endpoint_.port));
  }
  std::unique_ptr<TlsChannel> tls;
  if (endpoint_.tls != nullptr) {
    auto channel = endpoint_.tls->channel();
    if (!channel) return channel.error();
    tls = *std::move(channel);
    // The request follows the end of the handshake, which a server may have no answer to.
    const int on = 1;
    setsockopt(socket.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  life.connection = Connection(std::move(socket), std::move(tls));
  ++living_;
  ++before_upgrade_;
  if (auto added = poller_.add(life.connection.descriptor(), &life); !added) return added;
  // Over loopback the connection is mostly there by now.
  return upgrade(life);
}

Result<void> Lives::upgrade(Life& life) {
  for (auto tls = Handshake::goes_on; tls != Handshake::done;) {
    const auto step = life.connection.shake_hands();
    if (!step) return step.error();
    if (*step == Handshake::waits) return {};
    tls = *step;
  }
  const auto sent = life.connection.send_some(handshake_);
  if (!sent) return sent.error();
  if (*sent == 0) return {};
  if (*sent != handshake_.size()) return Error{Errc::too_large, "the handshake"};
  life.stage = Stage::upgrading;
  return {};
}

/// `ended`: the server's end of the connection has come, behind all that can be read.
Result<void> Lives::receive(Life& life, bool ended) {
  for (;;) {
    const auto received = life.connection.receive(receive_buffer_);
    if (!received) return received.error();
    if (received->bytes > 0) {
      const std::string_view bytes(receive_buffer_.data(), received->bytes);
      if (auto taken = take(life, bytes); !taken) return taken;
    }
    if (received->ended || (received->all && ended)) return end(life);
    if (received->all) return {};
  }
}

Result<void> Lives::take(Life& life, std::string_view bytes) {
  if (!life.received.empty()) bytes = life.received.append(bytes);
  return life.stage == Stage::upgrading ? take_handshake(life, bytes) : take_close(life, bytes);
}

Result<void> Lives::take_handshake(Life& life, std::string_view answer) {
  if (head_.empty() || answer != head_) {
    const auto blank_line = answer.find("\r\n\r\n");
    if (blank_line == std::string_view::npos) {
      if (answer.size() > most_head_bytes) return Error{Errc::too_large, "the head of the response"};
      life.received = std::string(answer);
      return {};
    }
    if (auto right = check_handshake(answer.substr(0, blank_line + 4)); !right) return right;
    if (blank_line + 4 != answer.size()) {
      return Error{Errc::protocol_error, "the server sent something right after the handshake"};
    }
    if (head_.empty()) head_ = answer;
  }
  life.received.clear();
  life.stage = Stage::closing;
  --before_upgrade_;
  const auto sent = life.connection.send_some(close_);
  if (!sent) return sent.error();
  if (*sent != close_.size()) return Error{Errc::too_large, "a close frame"};
  return {};
}

/// The answer has the code that was sent, or none (RFC 6455 5.5.1); a reason may follow.
Result<void> Lives::take_close(Life& life, std::string_view answer) {
  const auto octet = [&](std::size_t at) { return static_cast<unsigned char>(answer[at]); };
  const std::size_t size = answer.size() < 2 ? 2 : 2U + octet(1);
  const bool right = octet(0) == 0x88 && size < 2 + 126 && answer.size() <= size &&
                     (answer.size() < 4 || answer.substr(2, 2) == code_1000);
  if (!right) return Error{Errc::protocol_error, "a wrong answer to a close frame"};
  if (answer.size() == size) close_bytes_ = size;
  if (life.received.empty()) life.received = std::string(answer);
  return {};
}

Result<void> Lives::end(Life& life) {
  const bool closed = life.stage == Stage::closing && life.received.size() >= 2 &&
                      life.received.size() == 2U + static_cast<unsigned char>(life.received[1]);
  if (!closed) return Error{Errc::closed, "the server ended a connection without a closing handshake"};
  life.connection = Connection();
  --living_;
  ++ended_;
  record_latency(Clock::now() - life.born);
  if (starting_) unborn_.push_back(&life);
  return {};
}

}  // namespace tidewire::bench
