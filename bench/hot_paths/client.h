#pragma once

#include <tidewire/transport/stream.h>
#include <cstddef>
#include <string_view>

namespace tidewire::bench {

/// The client's end of a memory stream, as lean as can be, because its instructions are counted with the server's:
/// it counts what comes, and compares it when told to. It allocates nothing.
class Client final : public transport::Consumer {
 public:
  /// Adds what it receives to `received` as well, which has to outlive it, so that many can be waited for at once.
  Client(transport::StreamPtr stream, std::size_t& received);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(std::string_view bytes) { stream_->write(as_bytes(bytes)); }
  void close() noexcept { stream_->close(); }

  /// From here on `reply` comes, again and again; the text has to outlive the client.
  void expect(std::string_view reply) noexcept;
  /// Whether each byte that comes is compared with the reply. The place in it is kept either way.
  void compare(bool on) noexcept { comparing_ = on; }

  /// Whether something else came than was expected, or the connection broke.
  [[nodiscard]] bool wrong() const noexcept { return wrong_; }
  /// The server will send nothing more.
  [[nodiscard]] bool ended() const noexcept { return ended_; }

  void on_data(MutableBytes bytes) override;
  void on_end() override { ended_ = true; }
  void on_failed(const Error& error) override;
  void on_closed() noexcept override {}
  void drain() override {}
  void abandon() noexcept override {}

 private:
  void on_deadline() noexcept override {}

  transport::StreamPtr stream_;
  std::size_t& received_;
  std::string_view reply_;
  std::size_t place_ = 0;  ///< In the reply, of the next byte.
  bool comparing_ = true;
  bool wrong_ = false;
  bool ended_ = false;
};

}  // namespace tidewire::bench
