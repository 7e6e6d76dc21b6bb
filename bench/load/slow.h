#pragma once

#include <tidewire/bench/connection.h>
#include <tidewire/bench/exchange.h>
#include <tidewire/bench/replies.h>
#include <tidewire/bench/traffic.h>
#include <tidewire/bench/workload.h>
#include <tidewire/core/result.h>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidewire::bench {

/// What became of connections that do not read.
struct SlowOutcome {
  std::size_t connections = 0;
  std::size_t closed = 0;      ///< By the server, under its policy against those who do not read.
  std::uint64_t held = 0;      ///< How often each held back its reading.
  std::uint64_t messages = 0;  ///< Replies they got after all, each of them checked like the others'.
};

/// Echo traffic on some connections, the fast ones, while others send and read nothing for 250 ms, then read all that
/// they are owed, and begin again. The messages that count, and the latency, are those of the fast ones.
///
/// A slow connection sends as many batches in one piece as 64 KiB hold, until the server takes no more, and 4 MiB at
/// most each time (or one batch, if that is more); all of them together 64 MiB (or one piece each). So much the server
/// has to hold at worst. A slow connection that the
/// server ends, by a close frame or not, is counted; one that is still open has to bring every reply.
class SlowReaders final : public Workload {
 public:
  /// The first `slow` of the connections are the slow ones. Otherwise as for Traffic.
  [[nodiscard]] static Result<std::unique_ptr<SlowReaders>> among(std::span<Connection> connections, std::size_t slow,
                                                                  const Exchange& exchange);

  /// One batch on each fast connection, and one round of holding back and reading all on each slow one.
  [[nodiscard]] Result<void> run_once() override;
  [[nodiscard]] Result<void> start() override;
  [[nodiscard]] Result<void> turn(Clock::time_point until) override;
  [[nodiscard]] Result<void> finish() override;
  [[nodiscard]] std::uint64_t messages() const override { return fast_->messages(); }

  void begin_window(Clock::time_point now) override { fast_->begin_window(now); }
  void end_window(Clock::time_point now) override { fast_->end_window(now); }
  [[nodiscard]] const Histogram& latency() const noexcept override { return fast_->latency(); }

  [[nodiscard]] SlowOutcome outcome() const;

 private:
  struct Peer {
    Connection* connection;
    std::size_t sent_bytes = 0;   ///< Since it holds back.
    std::size_t unsent_from = 0;  ///< In a burst that was sent in part.
    std::uint64_t asked = 0;      ///< Messages sent or begun.
    std::uint64_t received = 0;
    ReplyStream stream;
    bool closed = false;  ///< By the server.
  };

  SlowReaders(std::unique_ptr<Traffic> fast, std::span<Connection> connections, std::size_t slow,
              const Exchange& exchange);

  void hold(Clock::time_point now);
  Result<void> look_after_some(std::size_t peers);
  Result<bool> send_more(Peer& peer);
  Result<bool> send_rest(Peer& peer);
  Result<bool> read_some(Peer& peer);
  Result<void> take(Peer& peer, std::string_view bytes);
  Result<void> read_all();
  [[nodiscard]] bool settled(const Peer& peer) const noexcept;

  std::unique_ptr<Traffic> fast_;
  const Exchange& exchange_;
  std::string burst_;  ///< What a peer sends in one piece.
  std::size_t messages_in_burst_ = 0;
  Replies replies_;
  std::vector<Peer> peers_;
  std::vector<char> receive_buffer_;
  std::size_t most_bytes_;  ///< A peer begins no burst that takes it past so many while it holds back.
  std::size_t next_ = 0;    ///< The peer to look after next.
  std::size_t settled_in_a_row_ = 0;
  bool holding_ = false;
  Clock::time_point hold_end_;
  Clock::time_point last_progress_;
  std::uint64_t held_ = 0;
};

}  // namespace tidewire::bench
