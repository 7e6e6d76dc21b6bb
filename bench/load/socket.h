#pragma once

#include <tidewire/core/result.h>
#include <cstddef>
#include <span>
#include <string_view>

namespace tidewire::bench {

/// A file descriptor that closes with its owner.
class Descriptor {
 public:
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();

  [[nodiscard]] int number() const noexcept { return number_; }

 private:
  int number_;
};

/// What a socket, or a connection over one, has brought.
struct Received {
  std::size_t bytes = 0;
  bool all = true;        ///< No more was there: what comes later raises the next edge.
  bool nothing = false;   ///< Not even a part of a record: on a socket that blocks, its time has passed.
  bool notified = false;  ///< TLS: the server has said that nothing follows (RFC 8446 6.1).
  bool ended = false;     ///< The server's end of the connection has come behind the bytes.
};

/// How many bytes a socket takes at the moment: 0 when none.
[[nodiscard]] Result<std::size_t> send_to(int socket, std::string_view bytes);
/// What it has at the moment.
[[nodiscard]] Result<Received> receive_from(int socket, std::span<char> buffer);

}  // namespace tidewire::bench
