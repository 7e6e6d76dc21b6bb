#pragma once

#include <tidewire/bench/connection.h>
#include <tidewire/bench/exchange.h>
#include <tidewire/bench/poller.h>
#include <tidewire/bench/replies.h>
#include <tidewire/bench/schedule.h>
#include <tidewire/bench/workload.h>
#include <tidewire/core/histogram.h>
#include <tidewire/core/result.h>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace tidewire::bench {

/// An open loop: batches of an Exchange go out when a Schedule says so, on one connection after the other, whether or
/// not earlier replies have come.
///
/// Latency is that of each message, from the moment it was due to its reply, and of all messages that were due within
/// the measured time. So what waits because the server, or this process, was late is counted as the wait that a user
/// would have had (no coordinated omission). What cannot be sent yet costs no memory: only counts are kept.
class Paced final : public Workload {
 public:
  /// As for Traffic; `rate` is messages a second over all connections.
  [[nodiscard]] static Result<std::unique_ptr<Paced>> over(std::span<Connection> connections, const Exchange& exchange,
                                                           double rate);

  /// One batch on each connection, at once.
  [[nodiscard]] Result<void> run_once() override;
  [[nodiscard]] Result<void> start() override;
  [[nodiscard]] Result<void> turn(Clock::time_point until) override;
  /// Waits for what is still due for 5 s at most. What is then unanswered counts with the time it has waited.
  [[nodiscard]] Result<void> finish() override;
  [[nodiscard]] std::uint64_t messages() const override { return replies_.count() + checked_; }
  [[nodiscard]] std::uint64_t received_bytes() const override { return replies_.bytes(); }

  void begin_window(Clock::time_point now) override;
  void end_window(Clock::time_point now) override;

  /// How long after they were due batches were sent: what this process adds to the latency.
  [[nodiscard]] const Histogram& lateness() const noexcept { return lateness_; }
  /// Messages of the measured time that had no reply at the end.
  [[nodiscard]] std::uint64_t unanswered() const noexcept { return unanswered_; }

 private:
  struct Peer {
    Connection* connection;
    std::uint64_t due;        ///< Batches that should have been sent by now.
    std::uint64_t sent;       ///< Batches that were sent whole.
    std::size_t unsent_from;  ///< In the batch after these.
    std::uint64_t replies;
    ReplyStream stream;
  };

  Paced(Poller poller, std::span<Connection> connections, const Exchange& exchange, double rate);

  Result<void> send_what_is_due();
  Result<void> send_rest(Peer& peer);
  Result<void> receive(Peer& peer);
  Result<void> wait(Clock::time_point until);
  void record(const Peer& peer, std::uint64_t reply, Clock::time_point now);
  [[nodiscard]] std::string_view next_batch(const Peer& peer) const;
  [[nodiscard]] std::uint64_t waiting() const noexcept { return next_ * exchange_.depth - answered_; }

  std::span<Connection> connections_;
  const Exchange& exchange_;
  Replies replies_;
  Poller poller_;
  std::vector<Peer> peers_;
  std::vector<char> receive_buffer_;
  Schedule schedule_;
  std::uint64_t next_ = 0;      ///< The first batch that is not yet due.
  std::uint64_t checked_ = 0;   ///< Messages of `run_once`.
  std::uint64_t answered_ = 0;  ///< Messages, since the start.
  Clock::time_point last_answer_;
  Histogram lateness_;
  std::uint64_t window_begin_ = std::numeric_limits<std::uint64_t>::max();  ///< The first batch that is measured.
  std::uint64_t window_end_ = std::numeric_limits<std::uint64_t>::max();    ///< The first that no longer is.
  std::uint64_t unanswered_ = 0;
};

}  // namespace tidewire::bench
