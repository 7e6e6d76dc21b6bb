#include <sys/prctl.h>
#include <tidewire/bench/paced.h>
#include <tidewire/bench/traffic.h>
#include <algorithm>
#include <utility>

namespace tidewire::bench {
namespace {

constexpr std::size_t receive_buffer_bytes = 256 * 1024;
/// Waking up takes the system so long that the last bit before a batch is due passes awake.
constexpr std::chrono::nanoseconds awake_before = std::chrono::microseconds(60);
/// So many batches go out before replies are looked at again, when many are late.
constexpr int most_in_turn = 256;

}  // namespace

Paced::Paced(Poller poller, std::span<Connection> connections, const Exchange& exchange, double rate)
    : connections_(connections),
      exchange_(exchange),
      replies_(exchange),
      poller_(std::move(poller)),
      receive_buffer_(receive_buffer_bytes),
      schedule_(rate / static_cast<double>(exchange.depth), connections.size()) {
  peers_.reserve(connections.size());
  for (Connection& connection : connections) peers_.push_back({&connection, 0, 0, 0, 0, {}});
}

Result<std::unique_ptr<Paced>> Paced::over(std::span<Connection> connections, const Exchange& exchange, double rate) {
  auto poller = Poller::create();
  if (!poller) return poller.error();
  std::unique_ptr<Paced> paced(new Paced(*std::move(poller), connections, exchange, rate));
  for (Peer& peer : paced->peers_) {
    if (auto added = paced->poller_.add(peer.connection->descriptor(), &peer); !added) return added.error();
  }
  return paced;
}

Result<void> Paced::run_once() {
  auto traffic = Traffic::over(connections_, exchange_);
  if (!traffic) return traffic.error();
  auto right = (*traffic)->run_once();
  checked_ = (*traffic)->messages();
  if (!exchange_.deflated) return right;
  for (Peer& peer : peers_) {
    peer.stream.deflated = std::make_unique<DeflatedReplies>();
    peer.stream.deflated->number = exchange_.depth;
  }
  return right;
}

Result<void> Paced::start() {
  // Timers are exact to 50 us otherwise.
  if (prctl(PR_SET_TIMERSLACK, 1) != 0) return Error::system(-errno, "prctl");
  replies_.compare_all(false);
  last_answer_ = Clock::now();
  schedule_.start_at(last_answer_);
  return {};
}

Result<void> Paced::turn(Clock::time_point until) {
  if (auto sent = send_what_is_due(); !sent) return sent;
  return wait(std::min(until, schedule_.due(next_)));
}

Result<void> Paced::finish() {
  const auto end = Clock::now() + stall_time;
  while (waiting() > 0 && Clock::now() < end) {
    if (auto waited = wait(end); !waited) return waited;
  }
  const auto now = Clock::now();
  for (const Peer& peer : peers_) {
    for (std::uint64_t reply = peer.replies; reply < peer.due * exchange_.depth; ++reply) {
      record(peer, reply, now);
      ++unanswered_;
    }
  }
  return {};
}

void Paced::begin_window(Clock::time_point now) {
  Workload::begin_window(now);
  window_begin_ = next_;
}

// Recording goes on: the replies to what was due by now are still to come.
void Paced::end_window(Clock::time_point) { window_end_ = next_; }

Result<void> Paced::send_what_is_due() {
  const auto now = Clock::now();
  for (int i = 0; i < most_in_turn && schedule_.due(next_) <= now; ++i) {
    if (next_ >= window_begin_) {
      lateness_.record(static_cast<std::uint64_t>((Clock::now() - schedule_.due(next_)).count()));
    }
    Peer& peer = peers_[schedule_.connection_of(next_)];
    ++next_;
    ++peer.due;
    if (auto sent = send_rest(peer); !sent) return sent;
  }
  return {};
}

/// On its connection, `run_once` has sent one.
std::string_view Paced::next_batch(const Peer& peer) const { return exchange_.batch_after(1 + peer.sent); }

Result<void> Paced::send_rest(Peer& peer) {
  while (peer.sent < peer.due) {
    const std::string_view batch = next_batch(peer);
    const auto sent = peer.connection->send_some(batch.substr(peer.unsent_from));
    if (!sent) return sent.error();
    peer.unsent_from += *sent;
    if (peer.unsent_from < batch.size()) return {};
    peer.unsent_from = 0;
    ++peer.sent;
  }
  return {};
}

Result<void> Paced::wait(Clock::time_point until) {
  const auto now = Clock::now();
  const auto events = poller_.wait(std::clamp(until - now - awake_before, std::chrono::nanoseconds(0), stall_time));
  if (!events) return events.error();
  if (waiting() == 0 || !events->empty()) {
    last_answer_ = now;
  } else if (now - last_answer_ > stall_time) {
    return Error{Errc::timeout, "no reply for 5 s, with " + std::to_string(waiting()) + " under way"};
  }
  for (const epoll_event& event : *events) {
    Peer& peer = *static_cast<Peer*>(event.data.ptr);
    if (writable(event)) {
      if (auto sent = send_rest(peer); !sent) return sent;
    }
    if (readable(event)) {
      if (auto received = receive(peer); !received) return received;
    }
  }
  return {};
}

Result<void> Paced::receive(Peer& peer) {
  for (;;) {
    const auto received = peer.connection->receive_some(receive_buffer_);
    if (!received) return received.error();
    const auto ended = replies_.take(peer.stream, std::string_view(receive_buffer_.data(), received->bytes));
    if (!ended) return replies_.wrong_reply();
    const auto now = Clock::now();
    for (std::size_t i = 0; i < *ended; ++i) record(peer, peer.replies + i, now);
    peer.replies += *ended;
    answered_ += *ended;
    const std::uint64_t begun = peer.sent + (peer.unsent_from > 0 ? 1 : 0);
    if (peer.replies + (peer.stream.offset > 0 ? 1 : 0) > begun * exchange_.depth) return replies_.wrong_reply();
    if (received->all) return {};
  }
}

/// Of a connection's reply that has this number among its own.
void Paced::record(const Peer& peer, std::uint64_t reply, Clock::time_point now) {
  const auto connection = static_cast<std::size_t>(&peer - peers_.data());
  const std::uint64_t batch = schedule_.batch_of(connection, reply / exchange_.depth);
  if (batch >= window_begin_ && batch < window_end_) record_latency(now - schedule_.due(batch));
}

}  // namespace tidewire::bench
