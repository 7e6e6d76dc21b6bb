#include <tidewire/bench/slow.h>
#include <algorithm>
#include <thread>
#include <utility>

namespace tidewire::bench {
namespace {

constexpr std::chrono::nanoseconds hold_time = std::chrono::milliseconds(250);
constexpr std::size_t most_bytes_each = std::size_t{4} << 20;
constexpr std::size_t most_bytes_together = std::size_t{64} << 20;
constexpr std::size_t most_burst_bytes = 64 * 1024;
/// Little at a time, so that the fast connections need not wait for this process.
constexpr std::size_t receive_buffer_bytes = 64 * 1024;
constexpr std::size_t peers_in_turn = 4;
constexpr char close_frame = '\x88';

/// How a server ends a connection: the system says so in one of three ways.
bool means_closed(const Error& error) {
  return error.code == Errc::closed || error.code == std::errc::connection_reset ||
         error.code == std::errc::broken_pipe;
}

}  // namespace

SlowReaders::SlowReaders(std::unique_ptr<Traffic> fast, std::span<Connection> connections, std::size_t slow,
                         const Exchange& exchange)
    : fast_(std::move(fast)),
      exchange_(exchange),
      replies_(exchange),
      receive_buffer_(receive_buffer_bytes),
      most_bytes_(std::min(most_bytes_each, most_bytes_together / slow)) {
  do {
    burst_ += exchange.batch;
  } while (burst_.size() + exchange.batch.size() <= most_burst_bytes);
  messages_in_burst_ = exchange.depth * (burst_.size() / exchange.batch.size());
  peers_.reserve(slow);
  for (std::size_t i = 0; i < slow; ++i) peers_.push_back({.connection = &connections[i], .stream = {}});
}

Result<std::unique_ptr<SlowReaders>> SlowReaders::among(std::span<Connection> connections, std::size_t slow,
                                                        const Exchange& exchange) {
  auto fast = Traffic::over(connections.subspan(slow), exchange);
  if (!fast) return fast.error();
  return std::unique_ptr<SlowReaders>(new SlowReaders(*std::move(fast), connections, slow, exchange));
}

Result<void> SlowReaders::run_once() {
  replies_.compare_all(true);
  hold(Clock::now());
  if (auto right = fast_->run_once(); !right) return right;
  while (Clock::now() < hold_end_) {
    if (auto looked = look_after_some(peers_.size()); !looked) return looked;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return read_all();
}

Result<void> SlowReaders::start() {
  replies_.compare_all(false);
  hold(Clock::now());
  return fast_->start();
}

Result<void> SlowReaders::turn(Clock::time_point until) {
  if (auto turned = fast_->turn(until); !turned) return turned;
  const auto now = Clock::now();
  if (holding_ && now >= hold_end_) {
    holding_ = false;
    settled_in_a_row_ = 0;
    last_progress_ = now;
  }
  if (auto looked = look_after_some(std::min(peers_in_turn, peers_.size())); !looked) return looked;
  if (!holding_ && settled_in_a_row_ >= peers_.size()) hold(now);
  return {};
}

Result<void> SlowReaders::finish() {
  if (auto finished = fast_->finish(); !finished) return finished;
  return read_all();
}

SlowOutcome SlowReaders::outcome() const {
  const auto closed = std::count_if(peers_.begin(), peers_.end(), [](const Peer& peer) { return peer.closed; });
  return {peers_.size(), static_cast<std::size_t>(closed), held_, replies_.count()};
}

void SlowReaders::hold(Clock::time_point now) {
  for (Peer& peer : peers_) peer.sent_bytes = 0;
  holding_ = true;
  hold_end_ = now + hold_time;
  ++held_;
}

/// The next `peers` in turn: each sends or reads once.
Result<void> SlowReaders::look_after_some(std::size_t peers) {
  for (std::size_t i = 0; i < peers; ++i) {
    Peer& peer = peers_[next_];
    next_ = next_ + 1 == peers_.size() ? 0 : next_ + 1;
    if (settled(peer) && !holding_) {
      ++settled_in_a_row_;
      continue;
    }
    settled_in_a_row_ = 0;
    if (peer.closed) continue;
    auto progress = holding_ ? send_more(peer) : send_rest(peer);
    if (progress && !holding_) {
      const auto read = read_some(peer);
      progress = read ? Result<bool>(*progress || *read) : Result<bool>(read.error());
    }
    if (!progress && !means_closed(progress.error())) return progress.error();
    if (!progress) peer.closed = true;
    if (!progress || *progress) last_progress_ = Clock::now();
  }
  if (!holding_ && settled_in_a_row_ < peers_.size() && Clock::now() - last_progress_ > stall_time) {
    return Error{Errc::timeout, "a slow connection that reads again got nothing for 5 s"};
  }
  return {};
}

/// Nothing is owed to it.
bool SlowReaders::settled(const Peer& peer) const noexcept {
  return peer.closed || (peer.unsent_from == 0 && peer.received == peer.asked);
}

Result<bool> SlowReaders::send_more(Peer& peer) {
  if (peer.unsent_from == 0) {
    if (peer.sent_bytes > 0 && peer.sent_bytes + burst_.size() > most_bytes_) return false;
    peer.asked += messages_in_burst_;
    const auto sent = peer.connection->send_some(burst_);
    if (!sent) return sent.error();
    if (*sent == 0) peer.asked -= messages_in_burst_;
    peer.sent_bytes += *sent;
    peer.unsent_from = *sent == burst_.size() ? 0 : *sent;
    return *sent > 0;
  }
  return send_rest(peer);
}

Result<bool> SlowReaders::send_rest(Peer& peer) {
  if (peer.unsent_from == 0) return false;
  const auto sent = peer.connection->send_some(std::string_view(burst_).substr(peer.unsent_from));
  if (!sent) return sent.error();
  peer.sent_bytes += *sent;
  peer.unsent_from += *sent;
  if (peer.unsent_from == burst_.size()) peer.unsent_from = 0;
  return *sent > 0;
}

Result<bool> SlowReaders::read_some(Peer& peer) {
  const auto received = peer.connection->receive_some(receive_buffer_);
  if (!received) return received.error();
  if (auto taken = take(peer, std::string_view(receive_buffer_.data(), received->bytes)); !taken) return taken.error();
  return received->bytes > 0;
}

Result<void> SlowReaders::take(Peer& peer, std::string_view bytes) {
  while (!bytes.empty()) {
    if (peer.stream.offset == 0 && bytes.front() == close_frame) {
      peer.closed = true;  // What follows is the end of the connection.
      return {};
    }
    const std::string_view piece = bytes.substr(0, exchange_.reply.size() - peer.stream.offset);
    const auto ended = replies_.take(peer.stream, piece);
    if (!ended || peer.received == peer.asked) return replies_.wrong_reply();
    peer.received += *ended;
    bytes.remove_prefix(piece.size());
  }
  return {};
}

/// Until every slow connection has got all that it is owed, or was closed.
Result<void> SlowReaders::read_all() {
  holding_ = false;
  last_progress_ = Clock::now();
  const auto all_settled = [this] {
    return std::all_of(peers_.begin(), peers_.end(), [this](const Peer& peer) { return settled(peer); });
  };
  while (!all_settled()) {
    const auto before = last_progress_;
    if (auto looked = look_after_some(peers_.size()); !looked) return looked;
    if (last_progress_ == before) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return {};
}

}  // namespace tidewire::bench
