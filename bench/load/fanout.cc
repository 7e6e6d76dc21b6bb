#include <tidewire/bench/fanout.h>
#include <utility>

namespace tidewire::bench {
namespace {

constexpr std::size_t receive_buffer_bytes = 256 * 1024;

}  // namespace

Fanout::Fanout(Poller poller, std::span<Connection> connections, const Exchange& exchange)
    : exchange_(exchange),
      replies_(exchange),
      poller_(std::move(poller)),
      receive_buffer_(receive_buffer_bytes),
      unsent_from_(exchange.batch.size()) {
  peers_.reserve(connections.size());
  for (Connection& connection : connections) peers_.push_back({&connection, {}, 0});
}

Result<std::unique_ptr<Fanout>> Fanout::over(std::span<Connection> connections, const Exchange& exchange) {
  auto poller = Poller::create();
  if (!poller) return poller.error();
  std::unique_ptr<Fanout> fanout(new Fanout(*std::move(poller), connections, exchange));
  for (Peer& peer : fanout->peers_) {
    if (auto added = fanout->poller_.add(peer.connection->descriptor(), &peer); !added) return added.error();
  }
  return fanout;
}

Result<void> Fanout::run_once() {
  replies_.compare_all(true);
  if (auto published = publish(); !published) return published;
  return finish();
}

Result<void> Fanout::start() {
  replies_.compare_all(false);
  sending_ = true;
  return publish();
}

Result<void> Fanout::finish() {
  sending_ = false;
  while (waiting_ > 0) {
    if (auto turned = turn(Clock::time_point::max()); !turned) return turned;
  }
  return {};
}

Result<void> Fanout::turn(Clock::time_point) {
  const auto events = poller_.wait(stall_time);
  if (!events) return events.error();
  if (events->empty()) {
    return Error{Errc::timeout, "no delivery for 5 s, with " + std::to_string(waiting_) + " of " +
                                    std::to_string(peers_.size()) + " connections waiting for some"};
  }
  for (const epoll_event& event : *events) {
    if (unsent_from_ < exchange_.batch.size() && writable(event)) {
      if (auto sent = send_rest(); !sent) return sent;
    }
    if (readable(event)) {
      if (auto received = receive(*static_cast<Peer*>(event.data.ptr)); !received) return received;
    }
  }
  if (waiting_ == 0 && sending_) return publish();
  return {};
}

Result<void> Fanout::publish() {
  published_ += exchange_.depth;
  waiting_ = peers_.size();
  unsent_from_ = 0;
  sent_ = Clock::now();
  return send_rest();
}

Result<void> Fanout::send_rest() {
  const auto sent = peers_.front().connection->send_some(std::string_view(exchange_.batch).substr(unsent_from_));
  if (!sent) return sent.error();
  unsent_from_ += *sent;
  return {};
}

Result<void> Fanout::receive(Peer& peer) {
  for (;;) {
    const auto received = peer.connection->receive_some(receive_buffer_);
    if (!received) return received.error();
    const auto ended = replies_.take(peer.stream, std::string_view(receive_buffer_.data(), received->bytes));
    if (!ended) return replies_.wrong_reply();
    peer.received += *ended;
    if (peer.received + (peer.stream.offset > 0 ? 1 : 0) > published_) return replies_.wrong_reply();
    const bool sender = &peer == peers_.data();
    if (!sender) deliveries_ += *ended;
    if (*ended > 0 && peer.received == published_) {
      --waiting_;
      if (!sender) record_latency(Clock::now() - sent_);
    }
    if (received->all) return {};
  }
}

}  // namespace tidewire::bench
