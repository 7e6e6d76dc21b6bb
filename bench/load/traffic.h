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
#include <string_view>
#include <vector>

namespace tidewire::bench {

/// A closed loop: keeps a batch of an Exchange in flight on each of its connections. It never waits for one connection
/// alone, reads into one buffer, and makes one send and one receive for a batch that fits the socket's buffers, which
/// is what a server does at best.
///
/// Where batches differ, each connection is at another one than its neighbours: a server that was sent the same message
/// by all of them in a row would do the second to the last with what the processor has learnt from the first.
///
/// Latency is that of a batch, from its sending to its last reply. Nothing but replies is expected: runs are so short
/// that no server need send a ping meanwhile.
class Traffic final : public Workload {
 public:
  /// Both have to outlive it; the connections do not block and have no bytes under way.
  [[nodiscard]] static Result<std::unique_ptr<Traffic>> over(std::span<Connection> connections,
                                                             const Exchange& exchange);

  /// One batch on each connection.
  [[nodiscard]] Result<void> run_once() override;
  [[nodiscard]] Result<void> start() override;
  [[nodiscard]] Result<void> turn(Clock::time_point until) override;
  [[nodiscard]] Result<void> finish() override;
  [[nodiscard]] std::uint64_t messages() const override { return replies_.count(); }
  [[nodiscard]] std::uint64_t received_bytes() const override { return replies_.bytes(); }

 private:
  struct Peer {
    Connection* connection;
    std::string_view unsent;   ///< Of the batch that was begun last.
    std::size_t replies_left;  ///< Of the batch in flight; 0 when none is.
    ReplyStream stream;
    Clock::time_point sent;     ///< When the sending of the batch began.
    std::uint64_t batches = 0;  ///< Begun so far.
    std::uint64_t ahead = 0;    ///< Begun in any case, before all keep sending.
  };

  Traffic(Poller poller, std::span<Connection> connections, const Exchange& exchange);

  Result<void> spread_out();
  Result<void> start_all();
  Result<void> start_one(Peer& peer);
  Result<void> send_new_batch(Peer& peer, Clock::time_point now);
  Result<void> send_rest(Peer& peer);
  Result<void> receive(Peer& peer);

  const Exchange& exchange_;
  Replies replies_;
  Poller poller_;
  std::vector<Peer> peers_;
  std::vector<char> receive_buffer_;
  std::size_t in_flight_ = 0;  ///< Peers that wait for replies.
  bool sending_ = false;       ///< A finished batch is followed by the next.
};

}  // namespace tidewire::bench
