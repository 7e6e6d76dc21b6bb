#pragma once

#include <tidewire/transport/stream.h>
#include <functional>
#include <string>
#include <vector>

namespace tidewire::testing {

/// Notes what a stream tells it; a test adds what it wants done on each occasion.
class Recorder : public transport::Consumer {
 public:
  Recorder() = default;
  explicit Recorder(transport::StreamPtr its, bool read = true) : stream(std::move(its)) {
    stream->attach(*this);
    if (read) stream->resume();
  }

  void on_data(MutableBytes bytes) override {
    received += as_text(bytes);
    ++data_calls;
    if (data) data(as_text(bytes));
  }
  MutableBytes receive_space() override { return space ? space() : MutableBytes(); }
  void on_filled(std::size_t count) override {
    ++filled_calls;
    if (filled) filled(count);
  }
  void on_end() override {
    ++ends;
    if (end) end();
  }
  void on_peer_ended() override {
    ++peer_ends;
    if (peer_ended) peer_ended();
  }
  void on_writable() override {
    ++writables;
    if (writable) writable();
  }
  void on_failed(const Error& error) override {
    failures.push_back(error);
    if (failed) failed();
  }
  void on_closed() noexcept override {
    ++closes;
    calls_when_closed = calls();
    if (closed) closed();
  }
  void drain() override { ++drains; }
  void abandon() noexcept override { ++abandons; }

  void write(std::string_view text) { stream->write(as_bytes(text)); }
  [[nodiscard]] int calls() const {
    return data_calls + filled_calls + ends + peer_ends + writables + static_cast<int>(failures.size()) + closes;
  }

  transport::StreamPtr stream;
  std::string received;
  std::vector<Error> failures;
  int data_calls = 0, filled_calls = 0, ends = 0, peer_ends = 0, writables = 0, closes = 0, drains = 0, abandons = 0;
  int calls_when_closed = 0;
  std::function<void(std::string_view)> data;
  std::function<MutableBytes()> space;
  std::function<void(std::size_t)> filled;
  std::function<void()> end, peer_ended, writable, failed, closed;

 protected:
  void on_deadline() noexcept override {}
};

/// Sends back what comes, no faster than the peer takes it; ends and closes when the peer does.
class Echo final : public Recorder {
 public:
  explicit Echo(transport::StreamPtr its) : Recorder(std::move(its)) {
    data = [this](std::string_view text) {
      received.clear();
      stream->write(as_bytes(text));
      if (stream->queued_bytes() > most_queued) stream->pause();
    };
    writable = [this] {
      if (stream->queued_bytes() <= most_queued) stream->resume();
    };
    end = [this] { stream->end(); };
    failed = [this] { stream->close(); };
  }

  static constexpr std::size_t most_queued = 64 * 1024;
};

/// `size` bytes of text in which no part looks like another.
inline std::string pattern(std::size_t size, unsigned seed = 1) {
  std::string text(size, '\0');
  unsigned state = seed * 2654435761U + 1;
  for (char& c : text) {
    state = state * 1664525U + 1013904223U;
    c = static_cast<char>('!' + (state >> 24) % 90);
  }
  return text;
}

}  // namespace tidewire::testing
