#pragma once

#include <tidewire/core/buffer.h>
#include <tidewire/core/bytes.h>
#include <tidewire/core/export.h>
#include <cstdint>
#include <memory>
#include <span>

/// The codec of permessage-deflate (RFC 7692 section 7.2): payloads of messages in, payloads out.
///
/// What compresses is large and is a loop's (`DeflateEngines`). What a connection has is small: the end of the text
/// that it has sent or received (`Deflater`, `Inflater`), and only where context takeover was agreed. An engine is
/// given that text as a dictionary for each message, so idle connections cost at most their window. Or a connection
/// keeps a compressor of its own, for a smaller output (`DeflateSettings::keep_compressor`).
namespace tidewire::websocket {

enum class DeflateBackend : std::uint8_t {
  zlib,  ///< In every build.
  isal,  ///< Intel's ISA-L, where the build found it. Some three times as fast; output a little larger.
};

/// What this build has, the one that is used unless told otherwise first.
[[nodiscard]] TIDEWIRE_API std::span<const DeflateBackend> deflate_backends() noexcept;

/// "zlib" or "isal", as the build's option `deflate` has it.
[[nodiscard]] TIDEWIRE_API const char* deflate_backend_name(
    DeflateBackend backend = deflate_backends().front()) noexcept;

/// A window is at most 2 to this power, in bytes.
inline constexpr int max_window_bits = 15;

/// How one direction of a connection is compressed: what was agreed in the handshake, and the effort. Numbers outside
/// of their range are taken for the nearest within it.
struct DeflateSettings {
  /// Whether a message may refer to the messages before it that were compressed.
  bool takeover = false;
  /// 8 to 15: how far back a reference may reach, as a power of two in bytes. With takeover 13 is recommended where a
  /// compressor is kept. Else each message is told so much anew, so 12: the size of the output gains little beyond, and
  /// time begins to count.
  std::uint8_t window_bits = 15;
  /// 1 (fast) to 9 (small), as zlib has it. For compressing only. The default is the fastest whose output is at most
  /// 15% larger than that of zlib's level 6, for JSON of up to 64 KiB. ISA-L has fewer levels: 1 and 2 are its 1; 3 to
  /// 6 are that, and its 3 for messages from 24 KiB on; 7 to 9 are its 3. A compressor that is kept has all nine.
  std::uint8_t level = 3;
  /// With takeover, for compressing: whether a `Deflater` keeps a compressor from message to message, instead of the
  /// text that messages refer to. It is our own, whatever the back end. Text need not be told anew then, so that wider
  /// windows cost little time, and of each level the output is smaller; but see `Deflater` for what it takes in memory.
  /// From some 4 KiB on, messages take longer than with ISA-L.
  bool keep_compressor = false;
  /// 1 to 9: the memory of a compressor that is kept, beside its window. More makes the output hardly smaller, and each
  /// message slower: its tables no longer stay in the processor's cache.
  std::uint8_t memory_level = 5;
};

namespace detail {
class CompressorEngine;
class DecompressorEngine;
class KeptCompressor;
}  // namespace detail

/// What a loop's connections compress and decompress with.
///
/// It outlives the Deflaters and Inflaters that use it. One thread at a time. Each part is allocated when it is first
/// needed, in KiB:
///
/// | part                                               | ISA-L | zlib                                  |
/// | -------------------------------------------------- | ----- | ------------------------------------- |
/// | compressor                                         |   165 | 150 for 15 window bits, 38 for 12     |
/// | its tables for parts from 24 KiB or levels from 7  |   148 |                                       |
/// | decompressor, one spare                            |    85 | 39                                    |
/// | decompressor, for each message that is under way   |    85 | 39                                    |
///
/// `bench/micro/micro --benchmark_filter=deflate_memory` tells the sums.
class TIDEWIRE_API DeflateEngines {
 public:
  /// `backend` is one of `deflate_backends()`.
  explicit DeflateEngines(DeflateBackend backend = deflate_backends().front()) noexcept;
  DeflateEngines(const DeflateEngines&) = delete;
  DeflateEngines& operator=(const DeflateEngines&) = delete;
  ~DeflateEngines();

  [[nodiscard]] DeflateBackend backend() const noexcept { return backend_; }

  /// Frees what no message is using now.
  void release() noexcept;

 private:
  friend class Deflater;
  friend class Inflater;

  [[nodiscard]] detail::CompressorEngine& compressor();
  [[nodiscard]] std::unique_ptr<detail::DecompressorEngine> take_decompressor();
  void put_decompressor(std::unique_ptr<detail::DecompressorEngine> engine) noexcept;

  DeflateBackend backend_;
  std::unique_ptr<detail::CompressorEngine> compressor_;
  std::unique_ptr<detail::DecompressorEngine> spare_decompressor_;
};

/// The end of a text, at most a window of it. Owns no memory before the first byte, and grows with the text. To add a
/// few bytes costs no more than these, however large the window is.
class TIDEWIRE_API DeflateHistory {
 public:
  DeflateHistory() noexcept = default;
  DeflateHistory(DeflateHistory&& other) noexcept;
  DeflateHistory& operator=(DeflateHistory&& other) noexcept;
  DeflateHistory(const DeflateHistory&) = delete;
  DeflateHistory& operator=(const DeflateHistory&) = delete;
  ~DeflateHistory() = default;

  /// All of it, in one piece; valid until the next call.
  [[nodiscard]] Bytes view() noexcept;
  /// How much memory it holds.
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  /// Adds to the end; keeps the last `window` bytes, always the same. Throws `std::bad_alloc`, and is then as it was.
  void append(Bytes text, std::size_t window);
  void release() noexcept;

 private:
  void grow(std::size_t needed, std::size_t window);

  // A ring, once it has grown to the window.
  std::unique_ptr<std::byte[]> memory_;
  std::uint32_t begin_ = 0;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
};

/// Compresses what a connection sends, or, without takeover, what goes to any number of them.
///
/// What it takes with takeover, in KiB:
///
/// | window bits                             |  9  | 10  | 11  | 12  | 13  | 14  | 15  |
/// | --------------------------------------- | --- | --- | --- | --- | --- | --- | --- |
/// | the text, once so much was sent         | 0.5 |  1  |  2  |  4  |  8  | 16  | 32  |
/// | a compressor instead, from the first on | 14  | 15  | 18  | 24  | 36  | 60  | 108 |
/// | the same of memory level 8              | 70  | 71  | 74  | 80  | 92  | 116 | 164 |
class TIDEWIRE_API Deflater {
 public:
  Deflater(DeflateEngines& engines, const DeflateSettings& settings) noexcept;
  Deflater(Deflater&&) noexcept;
  Deflater& operator=(Deflater&&) noexcept;
  ~Deflater();

  /// Appends to `to` what `part` of a message is on the wire: decodable by the peer as soon as it has it. With
  /// `last`, the message ends and the four bytes that section 7.2.1 strips are not there; an empty message is the one
  /// byte 00 (section 7.2.3.6). A part that is empty and not the last is nothing. No block has BFINAL set.
  ///
  /// False: there is no memory. `to` is as it was, and this can go on: the peer has missed nothing, so the message
  /// can also be sent uncompressed if this was its first part.
  [[nodiscard]] bool compress(Bytes part, bool last, Buffer& to) noexcept;

  /// Between messages or parts: what follows refers to nothing before it, which the peer need not know.
  void forget() noexcept;

  /// The same, and frees what it has allocated. For idle connections.
  void release() noexcept;

  /// What is allocated for this connection alone, in bytes.
  [[nodiscard]] std::size_t memory() const noexcept;

 private:
  [[nodiscard]] bool keeps_compressor() const noexcept { return settings_.takeover && settings_.keep_compressor; }
  void add(Bytes part, Buffer& to);
  void remember(Bytes part) noexcept;

  DeflateEngines* engines_;
  DeflateSettings settings_;
  bool goes_on_ = false;  // Whether what is kept knows what the peer has got.
  DeflateHistory history_;
  std::unique_ptr<detail::KeptCompressor> kept_;
};

enum class InflateState : std::uint8_t {
  needs_input,  ///< All input is consumed, and all that it says is written.
  output_full,  ///< Call again with more room, and what is left of the input (which may be nothing).
  complete,     ///< The message is at its end, and all of it is written. The next call begins the next one.
  corrupt,      ///< The peer sent what is no DEFLATE. There is no going on.
  no_memory,    ///< There is no memory. There is no going on.
};

/// Inflates what a connection receives, in steps as large as the caller allows.
///
/// Its history can't be freed before the connection ends: the peer's compressor refers to it as long as takeover is
/// agreed. Without takeover there is none.
///
/// What is taken, by the RFC and by what zlib's users take:
/// - Blocks with BFINAL are gone over. What follows must be DEFLATE, and may refer to what was before (7.2.1, 7.2.3.4).
/// - A message of no bytes, and one that ends with a final block, are complete without the 00 that should be there.
/// - References reach back by the agreed window into the messages before, and 32 KiB within a message whatever was
///   agreed: that harms nobody, and neither zlib nor ISA-L tells reliably.
/// - Whether codes that leave some bit strings unused (but for a single distance) are corrupt is for the back end to
/// say. All else is corrupt: a message that ends within a block, references to before the beginning, bytes behind the
/// end.
class TIDEWIRE_API Inflater {
 public:
  Inflater(DeflateEngines& engines, const DeflateSettings& settings) noexcept;
  Inflater(Inflater&&) noexcept;
  Inflater& operator=(Inflater&&) noexcept;
  ~Inflater();

  struct Step {
    std::size_t produced;  ///< Bytes at the front of `output`; none when the state is `corrupt` or `no_memory`.
    InflateState state;
  };

  /// Inflates from the front of `input`, which it shortens by what it consumed, into `output`. `last` says that the
  /// message ends with this input; keep saying so until the state is `complete`.
  ///
  /// Between the first call for a message and `complete` it holds an engine of its own.
  [[nodiscard]] Step inflate(Bytes& input, bool last, MutableBytes output) noexcept;

  /// Whether a message has begun and is not complete.
  [[nodiscard]] bool in_message() const noexcept { return engine_ != nullptr; }

  /// What is allocated for this connection alone between messages, in bytes.
  [[nodiscard]] std::size_t memory() const noexcept { return history_.capacity(); }

 private:
  [[nodiscard]] Step try_inflate(Bytes& input, bool last, MutableBytes output);
  [[nodiscard]] bool end_message();
  void put_engine_back() noexcept;

  DeflateEngines* engines_;
  DeflateSettings settings_;
  bool failed_ = false;
  DeflateHistory history_;
  std::unique_ptr<detail::DecompressorEngine> engine_;
};

}  // namespace tidewire::websocket
