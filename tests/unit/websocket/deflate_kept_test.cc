#include <tidewire/websocket/deflate_kept.h>

#include <doctest/doctest.h>
#include <support/inflate_definition.h>
#include <support/json_text.h>
#include <support/noise.h>
#include <support/zlib_peer.h>
#include <tidewire/websocket/deflate_backend.h>
#include <string>

using namespace tidewire;
using namespace tidewire::websocket;
using support::json_text;
using support::noise;
using tidewire::websocket::detail::KeptCompressor;
using tidewire::websocket::detail::max_slice_bytes;

namespace {

DeflateSettings settings(int window_bits, int level = 3, int memory_level = 5) {
  return {.takeover = true,
          .window_bits = static_cast<std::uint8_t>(window_bits),
          .level = static_cast<std::uint8_t>(level),
          .keep_compressor = true,
          .memory_level = static_cast<std::uint8_t>(memory_level)};
}

/// What a slice is on the wire.
Buffer compressed(KeptCompressor& compressor, std::string_view slice) {
  Buffer out;
  compressor.add(as_bytes(slice), out);
  return out;
}

}  // namespace

TEST_CASE("whatever its window, level and memory level, slices are what they were, and end with a marker") {
  for (int window_bits = 8; window_bits <= 15; ++window_bits) {
    for (int level = 1; level <= 9; ++level) {
      CAPTURE(window_bits);
      CAPTURE(level);
      KeptCompressor compressor(settings(window_bits, level, 1 + (window_bits + level) % 9));
      std::string history;
      for (const std::string& slice : {json_text(700, 1), std::string(1, 'x'), noise(300), json_text(9000, 2),
                                       std::string(3000, 'y'), json_text(700, 1)}) {
        const Buffer out = compressed(compressor, slice);
        const auto inflated = support::inflate_by_definition(out.view(), history);
        CHECK(inflated.good);
        CHECK_FALSE(inflated.final_block);
        CHECK(inflated.max_distance <= std::size_t{1} << window_bits);
        CHECK(inflated.text == slice);
        CHECK(as_text(out.view()).ends_with(std::string_view("\0\0\xFF\xFF", 4)));
        history += slice;
      }
    }
  }
}

TEST_CASE("the largest slice takes at most what is prepared for it, whatever it is") {
  for (const int window_bits : {8, 13, 15}) {
    KeptCompressor compressor(settings(window_bits));
    for (const std::string& slice : {noise(max_slice_bytes), json_text(max_slice_bytes),
                                     std::string(max_slice_bytes, '\0'), noise(max_slice_bytes - 1)}) {
      const Buffer out = compressed(compressor, slice);
      CHECK(out.size() <= slice.size() + 5 * (slice.size() / 4000 + 2));
      compressor.forget();
      CHECK(support::inflate_by_definition(out.view()).text.size() <= slice.size());
    }
    for (std::size_t size = 1; size < 200; ++size) CHECK(compressed(compressor, noise(size)).size() <= size + 11);
  }
}

TEST_CASE("what was forgotten is not referred to") {
  KeptCompressor compressor(settings(13));
  const std::string text = json_text(1000);
  const std::size_t alone = compressed(compressor, text).size();
  CHECK(compressed(compressor, text).size() < 30);
  compressor.forget();
  const Buffer again = compressed(compressor, text);
  CHECK(again.size() == alone);
  CHECK(support::inflate_by_definition(again.view()).text == text);
}

TEST_CASE("messages of JSON are within 15% of zlib's level 6 with 32 KiB, from 512 bytes on; a quarter below") {
  for (const std::size_t size : {64U, 128U, 256U, 512U, 1024U, 2048U, 4096U, 16384U}) {
    CAPTURE(size);
    KeptCompressor compressor(settings(13));
    testing::ZlibDeflater zlib;
    std::size_t ours = 0, zlibs = 0;
    for (unsigned seed = 0; seed < 256; ++seed) {
      ours += compressed(compressor, json_text(size, seed)).size() - 4;
      zlibs += zlib(json_text(size, seed)).size();
    }
    CHECK(ours * 100 <= zlibs * (size < 512 ? 125 : 115));
  }
}

TEST_CASE("each level's output is no larger than the one's before it") {
  std::size_t before = SIZE_MAX;
  for (int level = 1; level <= 9; ++level) {
    CAPTURE(level);
    KeptCompressor compressor(settings(15, level));
    std::size_t sum = 0;
    for (unsigned seed = 0; seed < 128; ++seed) sum += compressed(compressor, json_text(1024, seed)).size();
    CHECK(sum <= before);
    before = sum;
  }
}

TEST_CASE("it takes as much memory as its window and its memory level say, from the beginning on") {
  const auto kibibytes = [](int window_bits, int memory_level) {
    KeptCompressor compressor(settings(window_bits, 3, memory_level));
    const std::size_t bytes = compressor.memory();
    compressed(compressor, json_text(max_slice_bytes));
    CHECK(compressor.memory() == bytes);
    return (bytes + 512) / 1024;
  };
  // As the table at `Deflater` has it.
  const std::size_t at_5[] = {14, 15, 18, 24, 36, 60, 108};
  const std::size_t at_8[] = {70, 71, 74, 80, 92, 116, 164};
  for (int window_bits = 9; window_bits <= 15; ++window_bits) {
    CHECK(kibibytes(window_bits, 5) == at_5[window_bits - 9]);
    CHECK(kibibytes(window_bits, 8) == at_8[window_bits - 9]);
  }
}
