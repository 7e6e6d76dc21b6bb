#pragma once

#include <tidewire/core/buffer.h>
#include <tidewire/core/bytes.h>
#include <cstdint>
#include <memory>

/// What zlib and ISA-L have in common, for deflate.cc. All of it throws `std::bad_alloc` where there is no memory; the
/// engine can then still be begun anew.
namespace tidewire::websocket::detail {

/// Compresses one part of a message after the other: of any connection, as each is begun anew.
class CompressorEngine {
 public:
  virtual ~CompressorEngine() = default;

  struct Job {
    Bytes history;             ///< What references may reach back to; not longer than the window.
    std::size_t part_bytes;    ///< How much there will be to `add`.
    std::uint8_t window_bits;  ///< 8 to 15.
    std::uint8_t level;        ///< 1 to 9.
  };

  /// Forgets what came before.
  virtual void begin(const Job& job) = 0;

  /// Appends what `slice` is compressed: whole bytes that end with those of `sync_marker`, no block with BFINAL.
  /// At most `max_slice_bytes`, and not nothing. It may refer to what was added before, since the beginning.
  virtual void add(Bytes slice, Buffer& to) = 0;
};

/// Slices keep what an engine needs at once small, and its counters from wrapping.
inline constexpr std::size_t max_slice_bytes = std::size_t{64} << 10;

/// The room that makes one call of a library do for a slice: fixed Huffman codes take at most 9 bits a byte, stored
/// blocks 5 bytes each; headers and the marker beside that.
[[nodiscard]] constexpr std::size_t compressed_bound(std::size_t slice_bytes) noexcept {
  return slice_bytes + slice_bytes / 8 + 512;
}

/// What an empty stored block is behind its three bits of header (RFC 7692 section 7.2.1).
inline constexpr std::byte sync_marker[4] = {std::byte{0x00}, std::byte{0x00}, std::byte{0xFF}, std::byte{0xFF}};

/// Decompresses one message after the other.
class DecompressorEngine {
 public:
  virtual ~DecompressorEngine() = default;

  /// Begins a message, whose references may reach into `history`.
  virtual void begin(Bytes history) = 0;

  /// Takes from the front of `input` and writes to the front of `output`, until one of them is used up; shortens both.
  /// With room left in `output`, all that the input so far says has been written. Blocks with BFINAL are gone over,
  /// padding included (section 7.2.1); what follows them may refer to what was before. False: this is no DEFLATE.
  [[nodiscard]] virtual bool run(Bytes& input, MutableBytes& output) = 0;

  /// Whether there was no input since the beginning, or since a block with BFINAL.
  [[nodiscard]] virtual bool is_fresh() const noexcept = 0;

  /// Whether the input so far ends with a block and a byte, and all it says is written; also when it is fresh.
  [[nodiscard]] virtual bool at_boundary() const noexcept = 0;
};

[[nodiscard]] std::unique_ptr<CompressorEngine> make_zlib_compressor();
[[nodiscard]] std::unique_ptr<DecompressorEngine> make_zlib_decompressor();

#if defined(TIDEWIRE_HAVE_ISAL)
[[nodiscard]] std::unique_ptr<CompressorEngine> make_isal_compressor();
[[nodiscard]] std::unique_ptr<DecompressorEngine> make_isal_decompressor();
#endif

}  // namespace tidewire::websocket::detail
