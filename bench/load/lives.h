#pragma once

#include <tidewire/bench/connect.h>
#include <tidewire/bench/connection.h>
#include <tidewire/bench/poller.h>
#include <tidewire/bench/workload.h>
#include <tidewire/core/result.h>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tidewire::bench {

/// Connections that come and go: TCP connect, TLS handshake if there is TLS, WebSocket handshake, closing handshake,
/// TCP close, and the next one. Where sessions are resumed, first lives that are not measured bring them.
///
/// The server has to close the TCP connection first, as RFC 6455 7.1.1 wants it. TIME_WAIT then stays on the server's
/// side, where a new connection from the same port may take its place, and thousands of lives a second use up no ports.
/// Each answer to a handshake is checked in full, unless it is byte for byte the first one. Latency is that of a whole
/// life.
class Lives final : public Workload {
 public:
  /// `at_a_time` connections live at once, of which 128 at most wait for the answer to their handshake: what the
  /// shortest backlog holds. The rest waits its turn.
  [[nodiscard]] static Result<std::unique_ptr<Lives>> with(const Endpoint& endpoint, std::string_view path,
                                                           std::size_t at_a_time);

  /// One life for each of `at_a_time`, and where sessions are resumed another one with that.
  [[nodiscard]] Result<void> run_once() override;
  [[nodiscard]] Result<void> start() override;
  [[nodiscard]] Result<void> turn(Clock::time_point until) override;
  [[nodiscard]] Result<void> finish() override;
  /// Lives that have ended well.
  [[nodiscard]] std::uint64_t messages() const override { return ended_; }

  /// What one life takes each way, without what TLS adds. Known after the first.
  [[nodiscard]] std::size_t request_bytes() const noexcept { return handshake_.size() + close_.size(); }
  [[nodiscard]] std::size_t reply_bytes() const noexcept { return head_.size() + close_bytes_; }

 private:
  enum class Stage { connecting, upgrading, closing };
  struct Life {
    Connection connection;
    Stage stage = Stage::connecting;
    Clock::time_point born;
    std::string received;  ///< Of an answer that has not come whole.
  };

  Lives(Poller poller, const Endpoint& endpoint, std::string_view path, std::size_t at_a_time);

  Result<void> all_once();
  Result<void> start_all();
  Result<void> bear_some();
  Result<void> bear(Life& life);
  Result<void> upgrade(Life& life);
  Result<void> receive(Life& life, bool ended);
  Result<void> take(Life& life, std::string_view bytes);
  Result<void> take_handshake(Life& life, std::string_view answer);
  Result<void> take_close(Life& life, std::string_view answer);
  Result<void> end(Life& life);

  Endpoint endpoint_;
  std::string handshake_;
  std::string close_;
  std::string head_;             ///< The first right answer to a handshake.
  std::size_t close_bytes_ = 0;  ///< Of the answer to a close frame.
  Poller poller_;
  std::vector<Life> lives_;
  std::vector<Life*> unborn_;
  std::size_t living_ = 0;
  std::size_t before_upgrade_ = 0;  ///< Of the living, those without an answer to the handshake.
  std::uint64_t ended_ = 0;
  std::vector<char> receive_buffer_;
  bool starting_ = false;  ///< One that has ended is followed by the next.
};

}  // namespace tidewire::bench
