#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct z_stream_s;

namespace tidewire::bench {

/// How far back compressed text can refer at most (RFC 1951 2.3).
inline constexpr std::size_t most_history_bytes = 32 * 1024;

/// What a client makes of its messages (RFC 7692 7.2.1), with zlib's level 6.
class MessageDeflater {
 public:
  /// With `takeover`, messages refer to those before them, as far as a window of so many bits (9 to 15) reaches.
  MessageDeflater(bool takeover, int window_bits);

  /// The payload of a frame. Throws std::bad_alloc.
  [[nodiscard]] std::string deflate(std::string_view message);

 private:
  struct End {
    void operator()(z_stream_s* stream) const noexcept;
  };
  std::unique_ptr<z_stream_s, End> stream_;
  bool takeover_;
};

/// What a client makes of messages that a server has compressed (RFC 7692 7.2.2). Whoever knows the text before a
/// message can have it inflated without having kept anything of its connection.
class MessageInflater {
 public:
  MessageInflater();

  /// Whether the payload is that of `message`, with the text of earlier ones to refer to, of which the last 32 KiB
  /// count. `message` may be any text; more than that is not inflated.
  [[nodiscard]] bool is(std::string_view payload, std::string_view message, std::string_view history);

 private:
  struct End {
    void operator()(z_stream_s* stream) const noexcept;
  };
  std::unique_ptr<z_stream_s, End> stream_;
  std::string text_;
};

}  // namespace tidewire::bench
