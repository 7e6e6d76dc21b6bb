#pragma once

#include <tidewire/core/callback.h>
#include <tidewire/transport/stream.h>
#include <string>
#include <string_view>
#include <vector>

namespace tidewire::testing {

/// Notes what a stream tells it; a test adds what it wants done on each occasion.
class Recorder : public transport::Consumer {
 public:
  Recorder();
  explicit Recorder(transport::StreamPtr its, bool read = true);
  ~Recorder() override;

  void on_data(MutableBytes bytes) override;
  MutableBytes receive_space() override;
  std::size_t receive_limit() const noexcept override { return most; }
  void on_filled(std::size_t count) override;
  void on_end() override;
  void on_peer_ended() override;
  void on_writable() override;
  void on_failed(const Error& error) override;
  void on_closed() noexcept override;
  void drain() override;
  void abandon() noexcept override;

  void write(std::string_view text);
  [[nodiscard]] int calls() const;

  transport::StreamPtr stream;
  std::string received;
  std::vector<Error> failures;
  int data_calls = 0, filled_calls = 0, ends = 0, peer_ends = 0, writables = 0, closes = 0, drains = 0, abandons = 0;
  int calls_when_closed = 0;
  std::size_t most = SIZE_MAX;  ///< That is wanted at once.
  Callback<void(std::string_view)> data;
  Callback<MutableBytes()> space;
  Callback<void(std::size_t)> filled;
  Callback<void()> end, peer_ended, writable, failed, closed;

 protected:
  void on_deadline() noexcept override;
};

/// Sends back what comes, no faster than the peer takes it; ends and closes when the peer does.
class Echo final : public Recorder {
 public:
  explicit Echo(transport::StreamPtr its);

  static constexpr std::size_t most_queued = 64 * 1024;
};

/// `size` bytes of text in which no part looks like another.
std::string pattern(std::size_t size, unsigned seed = 1);

}  // namespace tidewire::testing
