#pragma once

#include <tidewire/bench/connection.h>
#include <tidewire/bench/exchange.h>
#include <tidewire/bench/poller.h>
#include <tidewire/bench/replies.h>
#include <tidewire/bench/workload.h>
#include <tidewire/core/result.h>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace tidewire::bench {

/// One sender publishes a batch, and the next one when every connection has got all of it. The sender gets its own
/// messages back like the others, and that is waited for and compared; what counts is the deliveries to the others.
///
/// Latency is that of a batch at a subscriber, from the start of its sending. Per delivery there is one receive, one
/// comparison and no more than that, as 5,000 subscribers have to be served by one thread faster than the server sends.
class Fanout final : public Workload {
 public:
  /// As for Traffic. The first connection is the sender's.
  [[nodiscard]] static Result<std::unique_ptr<Fanout>> over(std::span<Connection> connections,
                                                            const Exchange& exchange);

  /// One batch to all.
  [[nodiscard]] Result<void> run_once() override;
  [[nodiscard]] Result<void> start() override;
  [[nodiscard]] Result<void> turn(Clock::time_point until) override;
  [[nodiscard]] Result<void> finish() override;
  [[nodiscard]] std::uint64_t messages() const override { return deliveries_; }

 private:
  struct Peer {
    Connection* connection;
    ReplyStream stream;
    std::uint64_t received;  ///< Messages, since the start.
  };

  Fanout(Poller poller, std::span<Connection> connections, const Exchange& exchange);

  Result<void> publish();
  Result<void> send_rest();
  Result<void> receive(Peer& peer);

  const Exchange& exchange_;
  Replies replies_;
  Poller poller_;
  std::vector<Peer> peers_;  ///< The sender is the first.
  std::vector<char> receive_buffer_;
  Clock::time_point sent_;        ///< When the sending of the batch began.
  std::size_t unsent_from_;       ///< In the batch; its size when all is sent.
  std::size_t waiting_ = 0;       ///< Peers that have not got all of the batch.
  std::uint64_t published_ = 0;   ///< Messages, since the start: what each peer should get.
  std::uint64_t deliveries_ = 0;  ///< To all but the sender.
  bool sending_ = false;          ///< A batch that all have got is followed by the next.
};

}  // namespace tidewire::bench
