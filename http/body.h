#pragma once

#include <tidewire/core/bytes.h>
#include <tidewire/core/export.h>
#include <tidewire/http/headers.h>
#include <tidewire/http/status.h>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidewire::http {

enum class ChunkExtensionState : std::uint8_t;

/// How the end of a message's body is found (RFC 9112 6). The head's parser decides it, before anything else can
/// look at the message.
struct Framing {
  enum class Kind : std::uint8_t {
    none,         ///< No body: the message ends with its head.
    length,       ///< Content-Length: `length` bytes, perhaps none.
    chunked,      ///< Transfer-Encoding: chunked.
    until_close,  ///< A response that ends with the connection.
  };

  Kind kind = Kind::none;
  std::uint64_t length = 0;  ///< For Kind::length; fits 63 bits.

  /// Whether no byte of body follows the head.
  [[nodiscard]] bool is_empty() const noexcept { return kind == Kind::none || (kind == Kind::length && length == 0); }
};

/// What a body may cost. Sizes are bytes.
struct BodyLimits {
  std::uint64_t max_body_bytes = std::uint64_t{1} << 20;  ///< Of content, without chunk framing; over it: 413.
  std::size_t max_chunk_line_bytes = 256;       ///< A chunk's size and extensions, CRLF included; over it: 400.
  std::size_t max_extension_bytes = 16 * 1024;  ///< Chunk extensions of a whole body; over it: 400.
  std::size_t max_trailer_bytes = 8 * 1024;     ///< The trailer section, its empty line included; over it: 431.
  std::size_t max_trailer_fields = 32;          ///< Over it: 431.
};

/// What BodyDecoder::next found at the front of its input.
struct BodyEvent {
  enum class Kind : std::uint8_t {
    data,       ///< `data` is the next piece of content, a view of the input.
    done,       ///< The body is complete; what follows the consumed bytes is the next message.
    need_more,  ///< The input is used up.
    error,      ///< The body is broken or too large: answer with `status`, then close. The decoder is spent.
  };

  Kind kind = Kind::need_more;
  Status status{};           ///< For error: 400, 413 or 431.
  std::size_t consumed = 0;  ///< Bytes of the input that are done with, in every case.
  Bytes data;                ///< For data: not empty.
  const char* detail = "";   ///< For error: why, a static text.
};

/// Finds the content in a message's body, sans I/O.
///
///     for (;;) {
///       BodyEvent event = decoder.next(input);
///       input = input.subspan(event.consumed);
///       ...
///     }
///
/// Content is delivered in place and never copied or held back; only trailer fields are kept, within their
/// limits. However the input is cut into pieces, the same content, the
/// same end and the same error result.
///
/// Chunks are read strictly (RFC 9112 7.1): 1 to 16 hexadecimal digits and nothing around them, extensions ignored once
/// their grammar was checked (their lengths bounded), every line ended by CRLF and by nothing less. Trailer fields
/// follow the rules of header fields; one that would change how the message is read (framing, routing, Host,
/// authentication and request modifiers: RFC 9110 6.5.1) is an error, 400, and never merged.
class TIDEWIRE_API BodyDecoder {
 public:
  /// A decoder of an empty body.
  BodyDecoder() = default;
  explicit BodyDecoder(Framing framing, const BodyLimits& limits = {});

  /// As if newly made, keeping memory that it has. `limits` is copied.
  void start(Framing framing, const BodyLimits& limits);

  /// Takes what stands at the front of `input`, which begins where the last call's consumed bytes ended. A
  /// Content-Length over the limit is an error at the first call, before any content: so it can be refused
  /// before a 100 (Continue). An empty body is `done` without input.
  [[nodiscard]] BodyEvent next(Bytes input);

  /// For Framing::Kind::until_close: the peer has closed. Returns whether the body is complete by that.
  [[nodiscard]] bool finish() noexcept;

  /// Bytes of content delivered so far.
  [[nodiscard]] std::uint64_t received_bytes() const noexcept { return received_; }

  /// How many bytes of content are missing yet, as far as that is known: of the body for Kind::length, of the current
  /// chunk for Kind::chunked.
  [[nodiscard]] std::uint64_t remaining_bytes() const noexcept { return remaining_; }

  /// The trailer fields, once `done`. Views of this decoder: valid until start() or its end.
  [[nodiscard]] Fields trailers() const noexcept { return {trailer_text_.data(), trailers_}; }

 private:
  enum class State : std::uint8_t {
    length,
    until_close,
    chunk_size,
    chunk_extensions,
    chunk_line_lf,  // behind the CR
    chunk_data,
    chunk_data_cr,
    chunk_data_lf,
    trailers,
    done,
    failed,
  };

  // What is wrong; no detail means nothing.
  struct Problem {
    const char* detail = nullptr;
    Status status = Status::bad_request;
  };

  BodyEvent fail(Problem problem, std::size_t consumed) noexcept;
  BodyEvent finished(std::size_t consumed) noexcept;
  BodyEvent next_chunked(Bytes input);
  BodyEvent take_content(Bytes input, std::size_t offset) noexcept;
  BodyEvent take_trailers(std::string_view input, std::size_t offset);
  Problem take_framing_byte(char c) noexcept;
  Problem take_size_byte(char c) noexcept;
  Problem take_extension_byte(char c) noexcept;
  Problem end_chunk_line() noexcept;

  State state_ = State::done;
  ChunkExtensionState extension_state_{};
  std::uint8_t digits_ = 0;      // of the chunk's size so far
  std::uint64_t remaining_ = 0;  // of the body (length) or of the chunk (chunked)
  std::uint64_t received_ = 0;
  std::size_t chunk_line_bytes_ = 0;
  std::size_t extension_bytes_ = 0;
  std::size_t trailer_line_ = 0;  // where the unfinished line begins in trailer_text_
  std::string trailer_text_;
  std::vector<FieldSlices> trailers_;
  BodyLimits limits_;
};

}  // namespace tidewire::http
