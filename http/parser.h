#pragma once

#include <tidewire/core/export.h>
#include <tidewire/http/body.h>
#include <tidewire/http/headers.h>
#include <tidewire/http/request.h>
#include <tidewire/http/status.h>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

/// Heads of HTTP/1.1 messages, sans I/O (RFC 9112 2 to 6).
///
/// The parsers are given all bytes of a head that have come so far, each time from the head's first byte, and return
/// whether it is complete. They keep offsets and never pointers: between two calls the bytes may move, to stand behind
/// each other in a buffer that grows. They remember how far they read, so a head that trickles in byte by byte costs no
/// more than linear time. A line is judged when its LF has come, so that every way to cut the input gives the same
/// result and the same error.
///
/// Strict, since what two readers read differently is how requests are smuggled (RFC 9112 11.2): lines end with CRLF
/// alone; no NUL or other control character; no white space before a colon; no folded line; one space between the
/// parts of the first line; versions 1.1 and 1.0.
namespace tidewire::http {

/// What a head may cost. Sizes are bytes.
struct HeadLimits {
  std::size_t max_head_bytes =
      16 * 1024;  ///< All lines with their ends, below 4 GiB; over it: 431, or 414 in the first.
  std::size_t max_target_bytes = 8 * 1024;  ///< The request target; over it: 414.
  std::size_t max_fields = 100;             ///< Over it: 431.
};

/// What a parser found.
struct Progress {
  enum class Kind : std::uint8_t {
    need_more,  ///< Call again when more bytes have come, with them behind the bytes of now.
    complete,   ///< The head is complete, and `consumed` bytes long; what follows is its body.
    error,      ///< The head is broken or too large: answer with `status`, then close.
  };

  Kind kind = Kind::need_more;
  Status status{};           ///< For error.
  std::size_t consumed = 0;  ///< For complete.
  const char* detail = "";   ///< For error: why, a static text; safe to show to the peer.
};

namespace detail {

class LineReader;

/// What the fields of a head say about the connection and the body, gathered while they are read.
struct HeadFacts {
  std::uint64_t content_length = 0;
  Slice host;
  bool has_host = false;
  bool has_content_length = false;
  bool has_transfer_encoding = false;
  bool has_upgrade = false;
  bool close = false;       // connection option
  bool keep_alive = false;  // connection option
  bool upgrade = false;     // connection option
  bool expects_continue = false;
  bool expects_other = false;
};

/// The Host that was found valid last. Nearly every request of a client names the same, as do most of a server's: it
/// need not be looked at in detail again.
class TIDEWIRE_API ValidHost {
 public:
  /// As is_host().
  [[nodiscard]] bool admits(std::string_view text) noexcept;

 private:
  std::array<char, 63> text_{};  // A longer one is not remembered.
  std::uint8_t size_ = 0;
};

/// Where the reading of a head's lines stands.
struct HeadPosition {
  std::size_t line = 0;     // start of the first line that is not taken yet
  std::size_t scanned = 0;  // no LF stands between `line` and here
  bool in_fields = false;   // the first line is behind us
};

}  // namespace detail

/// Reads request heads, one after the other.
class TIDEWIRE_API RequestParser {
 public:
  explicit RequestParser(const HeadLimits& limits = {}) noexcept : limits_(limits) {}

  /// Reads on. `bytes` begins at the head's first byte and may go on behind its end. `request` is the same at each call
  /// for one head; it is complete, and views `bytes`, when this returns `complete`, and the parser is then ready for
  /// the next head. After an error, only after reset().
  ///
  /// Errors: 400; 414 and 431 for the limits; 417 for an expectation other than 100-continue; 501 for a transfer
  /// coding other than chunked; 505. A first byte that begins no method (the TLS client that found a plain port) is an
  /// error at once. One empty line before the request line is skipped (RFC 9112 2.2).
  [[nodiscard]] Progress parse(std::string_view bytes, Request& request);

  /// Whether a head has begun: parse() was given bytes and has returned neither `complete` nor an error.
  [[nodiscard]] bool in_head() const noexcept { return position_.scanned != 0; }

  /// Back to the start of a head.
  void reset() noexcept;

 private:
  Progress parse_lines(std::string_view bytes, Request& request);
  Progress parse_request_line(const detail::LineReader& reader, Request& request);
  Progress take_target(Request& request, bool is_plain) const;
  Progress finish(Request& request, std::size_t consumed);

  HeadLimits limits_;
  detail::HeadPosition position_;
  detail::HeadFacts facts_;
  detail::ValidHost valid_host_;
};

/// A response head as a client receives it: a view, as Request is.
class TIDEWIRE_API ResponseMessage {
 public:
  [[nodiscard]] Status status() const noexcept { return head_.status; }
  [[nodiscard]] std::string_view reason() const noexcept { return head_.reason.of(base_); }
  [[nodiscard]] unsigned minor_version() const noexcept { return head_.minor_version; }
  [[nodiscard]] Fields headers() const noexcept { return {base_, fields_}; }
  [[nodiscard]] std::string_view header(std::string_view name) const noexcept { return headers().find(name); }
  [[nodiscard]] bool has_header(std::string_view name) const noexcept { return headers().contains(name); }
  [[nodiscard]] FieldValues header_values(std::string_view name) const noexcept { return headers().values(name); }
  [[nodiscard]] Framing framing() const noexcept { return head_.framing; }
  /// Whether the connection may carry another exchange. Never with Framing::Kind::until_close.
  [[nodiscard]] bool keep_alive() const noexcept { return head_.keep_alive; }
  /// Whether "upgrade" is among the connection options and there is an Upgrade field.
  [[nodiscard]] bool has_upgrade() const noexcept { return head_.has_upgrade; }
  /// The head's bytes now stand at `base`: they were moved, unchanged.
  void set_base(const char* base) noexcept { base_ = base; }
  /// As if new, keeping its memory.
  void clear() noexcept;

 private:
  friend class ResponseParser;

  struct Head {
    Status status{};
    std::uint8_t minor_version = 1;
    bool keep_alive = false;
    bool has_upgrade = false;
    Slice reason;
    Framing framing;
  };

  const char* base_ = "";
  Head head_;
  std::vector<FieldSlices> fields_;
};

/// Reads response heads, one after the other. A 1xx head is a head of its own; another follows it, 101 aside.
class TIDEWIRE_API ResponseParser {
 public:
  explicit ResponseParser(const HeadLimits& limits = {}) noexcept : limits_(limits) {}

  /// As RequestParser::parse. `to` is the method of the request that this answers: it decides whether there is a body
  /// (RFC 9112 6.3). In an error only the detail says something; the status is 502.
  [[nodiscard]] Progress parse(std::string_view bytes, Method to, ResponseMessage& response);

  /// Back to the start of a head.
  void reset() noexcept;

 private:
  Progress parse_lines(std::string_view bytes, ResponseMessage& response);
  Progress parse_status_line(const detail::LineReader& reader, ResponseMessage& response);
  Progress finish(ResponseMessage& response, Method to, std::size_t consumed);

  HeadLimits limits_;
  detail::HeadPosition position_;
  detail::HeadFacts facts_;
};

}  // namespace tidewire::http
