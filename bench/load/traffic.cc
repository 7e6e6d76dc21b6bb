#include <tidewire/bench/traffic.h>
#include <utility>

namespace tidewire::bench {
namespace {

constexpr std::size_t receive_buffer_bytes = 256 * 1024;

}  // namespace

Traffic::Traffic(Poller poller, std::span<Connection> connections, const Exchange& exchange)
    : exchange_(exchange), replies_(exchange), poller_(std::move(poller)), receive_buffer_(receive_buffer_bytes) {
  peers_.reserve(connections.size());
  for (Connection& connection : connections) peers_.push_back({&connection, {}, 0, {}, {}});
}

Result<std::unique_ptr<Traffic>> Traffic::over(std::span<Connection> connections, const Exchange& exchange) {
  auto poller = Poller::create();
  if (!poller) return poller.error();
  std::unique_ptr<Traffic> traffic(new Traffic(*std::move(poller), connections, exchange));
  for (Peer& peer : traffic->peers_) {
    if (auto added = traffic->poller_.add(peer.connection->descriptor(), &peer); !added) return added.error();
  }
  return traffic;
}

Result<void> Traffic::run_once() {
  replies_.compare_all(true);
  if (auto started = start_all(); !started) return started;
  return finish();
}

Result<void> Traffic::start() {
  replies_.compare_all(false);
  if (auto spread = spread_out(); !spread) return spread;
  sending_ = true;
  return start_all();
}

Result<void> Traffic::spread_out() {
  for (std::size_t index = 0; index < peers_.size(); ++index) {
    Peer& peer = peers_[index];
    peer.ahead = peer.batches + index % exchange_.batches();
    if (peer.batches == peer.ahead) continue;
    if (auto started = start_one(peer); !started) return started;
  }
  return finish();
}

Result<void> Traffic::finish() {
  sending_ = false;
  while (in_flight_ > 0) {
    if (auto turned = turn(Clock::time_point::max()); !turned) return turned;
  }
  return {};
}

Result<void> Traffic::start_all() {
  for (Peer& peer : peers_) {
    if (auto started = start_one(peer); !started) return started;
  }
  return {};
}

Result<void> Traffic::start_one(Peer& peer) {
  ++in_flight_;
  return send_new_batch(peer, Clock::now());
}

/// Waits for the next reply, however late: it comes soon or never.
Result<void> Traffic::turn(Clock::time_point) {
  const auto events = poller_.wait(stall_time);
  if (!events) return events.error();
  if (events->empty()) {
    return Error{Errc::timeout,
                 "no reply for 5 s, with " + std::to_string(in_flight_) + " connections waiting for some"};
  }
  for (const epoll_event& event : *events) {
    Peer& peer = *static_cast<Peer*>(event.data.ptr);
    if (writable(event) && !peer.unsent.empty()) {
      if (auto sent = send_rest(peer); !sent) return sent;
    }
    if (readable(event)) {
      if (auto received = receive(peer); !received) return received;
    }
  }
  return {};
}

Result<void> Traffic::send_new_batch(Peer& peer, Clock::time_point now) {
  peer.unsent = exchange_.batch_after(peer.batches++);
  peer.replies_left = exchange_.depth;
  peer.sent = now;
  return send_rest(peer);
}

Result<void> Traffic::send_rest(Peer& peer) {
  const auto sent = peer.connection->send_some(peer.unsent);
  if (!sent) return sent.error();
  peer.unsent.remove_prefix(*sent);
  return {};
}

Result<void> Traffic::receive(Peer& peer) {
  for (;;) {
    const auto received = peer.connection->receive_some(receive_buffer_);
    if (!received) return received.error();
    const auto ended = replies_.take(peer.stream, std::string_view(receive_buffer_.data(), received->bytes));
    if (!ended || *ended > peer.replies_left) return replies_.wrong_reply();
    peer.replies_left -= *ended;
    if (peer.replies_left == 0 && *ended > 0) {
      // More than was asked for.
      if (peer.stream.offset > 0) return replies_.wrong_reply();
      const auto now = Clock::now();
      record_latency(now - peer.sent);
      if (sending_ || peer.batches < peer.ahead) return send_new_batch(peer, now);
      --in_flight_;
      return {};
    }
    // Bytes for one who waits for none. And what comes after a short read raises the next edge.
    if (peer.replies_left == 0 && received->bytes > 0) return replies_.wrong_reply();
    if (received->all) return {};
  }
}

}  // namespace tidewire::bench
