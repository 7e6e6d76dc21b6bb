#include <sys/epoll.h>
#include <sys/socket.h>
#include <tidewire/bench/traffic.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace tidewire::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int stall_milliseconds = 5000;
constexpr std::size_t receive_buffer_bytes = 256 * 1024;
constexpr std::uint64_t sample_one_in = 16;

/// What the clocks say at one moment.
struct Reading {
  Clock::time_point time;
  CpuUse server;
  CpuUse load;
};

Result<Reading> read_clocks(const std::optional<Process>& server, const Process& load) {
  Reading reading = {.time = Clock::now(), .server = {}, .load = {}};
  const auto load_use = load.cpu_use();
  if (!load_use) return load_use.error();
  reading.load = *load_use;
  if (!server) return reading;
  const auto server_use = server->cpu_use();
  if (!server_use) return server_use.error();
  reading.server = *server_use;
  return reading;
}

}  // namespace

Traffic::Traffic(Descriptor epoll, const std::vector<Descriptor>& connections, const Exchange& exchange)
    : exchange_(exchange), epoll_(std::move(epoll)), receive_buffer_(receive_buffer_bytes) {
  peers_.reserve(connections.size());
  for (const Descriptor& connection : connections) {
    peers_.push_back({connection.number(), exchange.batch.size(), 0, 0});
  }
}

Result<Traffic> Traffic::over(const std::vector<Descriptor>& connections, const Exchange& exchange) {
  Descriptor epoll(epoll_create1(EPOLL_CLOEXEC));
  if (epoll.number() < 0) return Error::system(-errno, "epoll_create1");
  Traffic traffic(std::move(epoll), connections, exchange);
  for (Peer& peer : traffic.peers_) {
    // Edge-triggered, and for both directions once and for all: no further call changes the set, and the kernel need
    // not look at a connection again after it was read.
    epoll_event event = {};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = &peer;
    if (epoll_ctl(traffic.epoll_.number(), EPOLL_CTL_ADD, peer.descriptor, &event) != 0) {
      return Error::system(-errno, "epoll_ctl");
    }
  }
  return traffic;
}

Result<void> Traffic::run_once() {
  sample_mask_ = 0;
  if (auto started = start_all(); !started) return started;
  return finish_all();
}

Result<Window> Traffic::run(std::chrono::nanoseconds warm_up, std::chrono::nanoseconds measured,
                            const std::optional<Process>& server) {
  const auto self = Process::find(getpid());
  if (!self) return self.error();
  sample_mask_ = sample_one_in - 1;
  if (auto started = start_all(); !started) return started.error();
  sending_ = true;
  const auto turn_until = [this](Clock::time_point end) -> Result<void> {
    while (Clock::now() < end) {
      if (auto turned = turn(); !turned) return turned;
    }
    return {};
  };

  if (auto warm = turn_until(Clock::now() + warm_up); !warm) return warm.error();
  const auto before = read_clocks(server, *self);
  if (!before) return before.error();
  const std::uint64_t replies_before = replies_;

  if (auto done = turn_until(before->time + measured); !done) return done.error();
  const auto after = read_clocks(server, *self);
  if (!after) return after.error();
  Window window;
  window.replies = replies_ - replies_before;
  window.elapsed = after->time - before->time;
  window.load = after->load - before->load;
  if (server) window.server = after->server - before->server;

  sending_ = false;
  if (auto finished = finish_all(); !finished) return finished.error();
  return window;
}

Result<void> Traffic::start_all() {
  for (Peer& peer : peers_) {
    peer.unsent_from = 0;
    peer.replies_left = exchange_.depth;
    peer.reply_offset = 0;
    ++in_flight_;
    if (auto sent = send_batch(peer); !sent) return sent;
  }
  return {};
}

Result<void> Traffic::finish_all() {
  while (in_flight_ > 0) {
    if (auto turned = turn(); !turned) return turned;
  }
  return {};
}

Result<void> Traffic::turn() {
  std::array<epoll_event, 512> events;
  const int count = epoll_wait(epoll_.number(), events.data(), events.size(), stall_milliseconds);
  if (count < 0 && errno != EINTR) return Error::system(-errno, "epoll_wait");
  if (count == 0) {
    return Error{Errc::timeout,
                 "no reply for 5 s, with " + std::to_string(in_flight_) + " connections waiting for some"};
  }
  for (int i = 0; i < count; ++i) {
    Peer& peer = *static_cast<Peer*>(events[static_cast<std::size_t>(i)].data.ptr);
    const std::uint32_t what = events[static_cast<std::size_t>(i)].events;
    if ((what & EPOLLOUT) != 0 && peer.unsent_from < exchange_.batch.size()) {
      if (auto sent = send_batch(peer); !sent) return sent;
    }
    if ((what & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) {
      if (auto received = receive(peer); !received) return received;
    }
  }
  return {};
}

Result<void> Traffic::send_batch(Peer& peer) {
  const std::string_view rest = std::string_view(exchange_.batch).substr(peer.unsent_from);
  const ssize_t sent = ::send(peer.descriptor, rest.data(), rest.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) return Error::system(-errno, "send");
  if (sent > 0) peer.unsent_from += static_cast<std::size_t>(sent);
  return {};
}

Result<void> Traffic::receive(Peer& peer) {
  for (;;) {
    const ssize_t received = ::recv(peer.descriptor, receive_buffer_.data(), receive_buffer_.size(), 0);
    if (received < 0 && errno == EAGAIN) return {};
    if (received < 0) return Error::system(-errno, "receive");
    if (received == 0) return Error{Errc::closed, "the server ended a connection"};
    const auto bytes = static_cast<std::size_t>(received);
    if (!take(peer, std::string_view(receive_buffer_.data(), bytes))) {
      return Error{Errc::protocol_error, "a wrong reply, after " + std::to_string(replies_) + " right ones"};
    }
    if (peer.replies_left == 0 && sending_) {
      peer.unsent_from = 0;
      peer.replies_left = exchange_.depth;
      return send_batch(peer);
    }
    if (peer.replies_left == 0) {
      --in_flight_;
      return {};
    }
    // What comes after a short read raises the next edge.
    if (bytes < receive_buffer_.size()) return {};
  }
}

/// Counts and compares the replies that these bytes bring; false when they are not what was asked for.
bool Traffic::take(Peer& peer, std::string_view bytes) {
  const std::size_t size = exchange_.reply.size();
  while (!bytes.empty()) {
    if (peer.replies_left == 0) return false;
    const std::string_view piece = bytes.substr(0, size - peer.reply_offset);
    if (!matches(peer.reply_offset, piece, (replies_ & sample_mask_) == 0)) return false;
    peer.reply_offset += piece.size();
    if (peer.reply_offset == size) {
      peer.reply_offset = 0;
      --peer.replies_left;
      ++replies_;
    }
    bytes.remove_prefix(piece.size());
  }
  return true;
}

bool Traffic::matches(std::size_t offset, std::string_view bytes, bool whole) const {
  const auto same = [&](std::size_t from, std::size_t to) {
    from = std::max(from, offset);
    to = std::min(to, offset + bytes.size());
    return from >= to || std::memcmp(exchange_.reply.data() + from, bytes.data() + (from - offset), to - from) == 0;
  };
  return same(0, exchange_.start_bytes) && (!whole || same(exchange_.content_from, exchange_.reply.size()));
}

}  // namespace tidewire::bench
