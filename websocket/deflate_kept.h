#pragma once

#include <tidewire/core/buffer.h>
#include <tidewire/core/bytes.h>
#include <tidewire/websocket/deflate.h>
#include <tidewire/websocket/deflate_matcher.h>

namespace tidewire::websocket::detail {

/// A compressor that stays with one connection: DEFLATE of our own, whatever the back end.
///
/// Made for messages of some hundred bytes to some KiB that are like those before them, on many connections, whose
/// compressors are not in the processor's cache when their turn comes. Its memory is its window and two tables; nothing
/// is cleared or built up between messages; what a message needs beyond that lies on the stack.
class KeptCompressor {
 public:
  /// Its window, level and memory level are these for good. Throws std::bad_alloc.
  explicit KeptCompressor(const DeflateSettings& settings);

  /// What follows refers to nothing before it. Also after `add` has thrown.
  void forget() noexcept { matcher_.forget(); }

  /// As `CompressorEngine::add`. Throws std::bad_alloc.
  void add(Bytes slice, Buffer& to);

  /// What is allocated for it, in bytes.
  [[nodiscard]] std::size_t memory() const noexcept { return sizeof *this + matcher_.memory(); }

 private:
  DeflateMatcher matcher_;
};

}  // namespace tidewire::websocket::detail
