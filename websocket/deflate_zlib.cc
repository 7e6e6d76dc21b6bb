#include <tidewire/websocket/deflate.h>
#include <tidewire/websocket/deflate_backend.h>
#include <algorithm>
#include <array>
#include <cassert>
#include <new>

#include <zlib.h>

namespace tidewire::websocket::detail {
namespace {

// zlib counts in these.
constexpr std::size_t max_count = std::size_t{1} << 30;

// zlib's 8 is a 9 for raw streams. No harm: it refers to at most 2^bits - 262 bytes before, and 250 are in any window.
constexpr std::uint8_t min_zlib_bits = 9;

// A quarter of zlib's own choice: resetting clears the hash table, and most messages are short.
constexpr int memory_level = 5;

extern "C" voidpf allocate(voidpf, uInt items, uInt size) {
  return ::operator new (std::size_t{items} * size, std::nothrow);
}
extern "C" void release(voidpf, voidpf memory) { ::operator delete(memory); }

z_stream new_stream() noexcept {
  z_stream stream = {};
  stream.zalloc = allocate;
  stream.zfree = release;
  return stream;
}

// zlib's interface knows no const.
Bytef* in(const std::byte* bytes) noexcept { return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes)); }
Bytef* out(std::byte* bytes) noexcept { return reinterpret_cast<Bytef*>(bytes); }

class Deflate {
 public:
  Deflate(int window_bits, int level) : level_(level) {
    if (deflateInit2(&stream_, level, Z_DEFLATED, -window_bits, memory_level, Z_DEFAULT_STRATEGY) != Z_OK) {
      throw std::bad_alloc();
    }
  }
  Deflate(const Deflate&) = delete;
  Deflate& operator=(const Deflate&) = delete;
  ~Deflate() { deflateEnd(&stream_); }

  void begin(Bytes history, int level) noexcept {
    // Old versions of zlib go on with the input when the level changes: what is left when memory was short.
    stream_.next_in = nullptr;
    stream_.avail_in = 0;
    deflateReset(&stream_);
    if (level != level_) deflateParams(&stream_, level, Z_DEFAULT_STRATEGY);
    level_ = level;
    if (!history.empty()) deflateSetDictionary(&stream_, in(history.data()), static_cast<uInt>(history.size()));
  }

  void add(Bytes slice, Buffer& to) {
    stream_.next_in = in(slice.data());
    stream_.avail_in = static_cast<uInt>(slice.size());
    do {
      const MutableBytes room = to.prepare(compressed_bound(stream_.avail_in));
      const std::size_t size = std::min(room.size(), max_count);
      stream_.next_out = out(room.data());
      stream_.avail_out = static_cast<uInt>(size);
      deflate(&stream_, Z_SYNC_FLUSH);
      to.commit(size - stream_.avail_out);
    } while (stream_.avail_out == 0);
    assert(stream_.avail_in == 0);
  }

 private:
  z_stream stream_ = new_stream();
  int level_;
};

class ZlibCompressor final : public CompressorEngine {
 public:
  void begin(const Job& job) override {
    const std::uint8_t bits = std::max(job.window_bits, min_zlib_bits);
    // The window of a stream can't be changed, but few different ones will be asked for.
    auto& stream = streams_[std::size_t{bits} - min_zlib_bits];
    if (stream == nullptr) stream = std::make_unique<Deflate>(bits, job.level);
    stream->begin(job.history, job.level);
    current_ = stream.get();
  }

  void add(Bytes slice, Buffer& to) override { current_->add(slice, to); }

 private:
  std::array<std::unique_ptr<Deflate>, max_window_bits - min_zlib_bits + 1> streams_;
  Deflate* current_ = nullptr;
};

class ZlibDecompressor final : public DecompressorEngine {
 public:
  ZlibDecompressor() {
    if (inflateInit2(&stream_, -max_window_bits) != Z_OK) throw std::bad_alloc();
  }
  ZlibDecompressor(const ZlibDecompressor&) = delete;
  ZlibDecompressor& operator=(const ZlibDecompressor&) = delete;
  ~ZlibDecompressor() override { inflateEnd(&stream_); }

  void begin(Bytes history) override {
    inflateReset(&stream_);
    fresh_ = true;
    if (history.empty()) return;
    const int result = inflateSetDictionary(&stream_, in(history.data()), static_cast<uInt>(history.size()));
    if (result != Z_OK) throw std::bad_alloc();
  }

  bool run(Bytes& input, MutableBytes& output) override {
    std::byte nowhere;  // zlib takes no null for a place to write nothing to.
    while (!input.empty() || !fresh_) {
      const std::size_t offered = std::min(input.size(), max_count);
      const std::size_t room = std::min(output.size(), max_count);
      stream_.next_in = in(input.data());
      stream_.avail_in = static_cast<uInt>(offered);
      stream_.next_out = out(room == 0 ? &nowhere : output.data());
      stream_.avail_out = static_cast<uInt>(room);
      const int result = inflate(&stream_, Z_SYNC_FLUSH);
      const bool all_read = stream_.avail_in == 0;
      const bool full = stream_.avail_out == 0;
      if (offered > stream_.avail_in) fresh_ = false;
      input = input.subspan(offered - stream_.avail_in);
      output = output.subspan(room - stream_.avail_out);
      if (result == Z_STREAM_END) {
        // Behind it goes on, with the window as it is. inflateReset would forget that.
        inflateResetKeep(&stream_);
        fresh_ = true;
        continue;
      }
      if (result == Z_MEM_ERROR) throw std::bad_alloc();
      if (result != Z_OK && result != Z_BUF_ERROR) return false;
      if (output.empty() && full) return true;
      if (input.empty() && all_read && !full) return true;
    }
    return true;
  }

  bool at_boundary() const noexcept override {
    // 128: waits for a block's header. Added to that are the bits not used of the last byte, and 64 in a final block.
    return fresh_ || stream_.data_type == 128;
  }

  bool is_fresh() const noexcept override { return fresh_; }

 private:
  z_stream stream_ = new_stream();
  bool fresh_ = true;
};

}  // namespace

std::unique_ptr<CompressorEngine> make_zlib_compressor() { return std::make_unique<ZlibCompressor>(); }
std::unique_ptr<DecompressorEngine> make_zlib_decompressor() { return std::make_unique<ZlibDecompressor>(); }

}  // namespace tidewire::websocket::detail
