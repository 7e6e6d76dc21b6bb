#pragma once

#include <tidewire/bench/connect.h>
#include <tidewire/bench/exchange.h>
#include <tidewire/bench/process.h>
#include <tidewire/core/result.h>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace tidewire::bench {

/// What happened between the end of the warm-up and the end of the measurement.
struct Window {
  std::uint64_t replies = 0;
  std::chrono::nanoseconds elapsed = {};
  std::optional<CpuUse> server;  ///< Unknown without the server's process.
  CpuUse load;                   ///< Of this process.
};

/// The epoll loop that keeps a batch of an Exchange in flight on each of its connections. It never waits for one
/// connection alone, reads into one buffer, and makes one send and one receive for a batch that fits the socket's
/// buffers, which is what a server does at best.
///
/// A wrong reply, the end of a connection or 5 s without any reply ends a run with an error. Nothing but replies is
/// expected: runs are so short that no server need send a ping meanwhile.
class Traffic {
 public:
  /// Both have to outlive it; the connections do not block and have no bytes under way.
  [[nodiscard]] static Result<Traffic> over(const std::vector<Descriptor>& connections, const Exchange& exchange);

  /// One batch on each connection; every byte of the replies that can be known is compared.
  [[nodiscard]] Result<void> run_once();

  /// Batch after batch, and then waits for the replies still under way. Of the replies, one in 16 is compared in full.
  [[nodiscard]] Result<Window> run(std::chrono::nanoseconds warm_up, std::chrono::nanoseconds measured,
                                   const std::optional<Process>& server);

 private:
  struct Peer {
    int descriptor;
    std::size_t unsent_from;   ///< In the batch; its size when all is sent.
    std::size_t replies_left;  ///< Of the batch in flight; 0 when none is.
    std::size_t reply_offset;  ///< Bytes that have come of the next reply.
  };

  Traffic(Descriptor epoll, const std::vector<Descriptor>& connections, const Exchange& exchange);

  Result<void> start_all();
  Result<void> finish_all();
  Result<void> turn();
  Result<void> send_batch(Peer& peer);
  Result<void> receive(Peer& peer);
  bool take(Peer& peer, std::string_view bytes);
  bool matches(std::size_t offset, std::string_view bytes, bool whole) const;

  const Exchange& exchange_;
  Descriptor epoll_;
  std::vector<Peer> peers_;
  std::vector<char> receive_buffer_;
  std::uint64_t replies_ = 0;
  std::uint64_t sample_mask_ = 0;  ///< A reply whose number has none of these bits is compared in full.
  std::size_t in_flight_ = 0;      ///< Peers that wait for replies.
  bool sending_ = false;           ///< A finished batch is followed by the next.
};

}  // namespace tidewire::bench
