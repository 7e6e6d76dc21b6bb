#include <tidewire/websocket/deflate_backend.h>
#include <algorithm>
#include <cassert>
#include <cstring>

#include <isa-l/igzip_lib.h>

namespace tidewire::websocket::detail {
namespace {

// Its counters have 32 bits, some with a sign.
constexpr std::size_t max_count = std::size_t{1} << 30;

// Its interface knows no const.
std::uint8_t* in(const std::byte* bytes) noexcept {
  return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(bytes));
}
std::uint8_t* out(std::byte* bytes) noexcept { return reinterpret_cast<std::uint8_t*>(bytes); }

// Levels of ISA-L. 2 takes as long as 1 and has a larger table to clear.
constexpr std::uint32_t fixed_codes = 0;  // No tables to build, which is most of the work for short messages.
constexpr std::uint32_t quick = 1;
constexpr std::uint32_t thorough = 3;

// Up to here fixed codes cost at most some 6% of the size, and save two thirds of the time; more where there is text
// to refer to.
constexpr std::size_t max_fixed_bytes = 128;
constexpr std::size_t max_fixed_bytes_with_history = 256;
// From here on `quick` falls behind zlib's level 6 by more than 15%.
constexpr std::size_t min_thorough_bytes = std::size_t{24} << 10;

std::uint32_t isal_level(const CompressorEngine::Job& job) noexcept {
  if (job.level >= 7) return thorough;
  if (job.part_bytes <= (job.history.empty() ? max_fixed_bytes : max_fixed_bytes_with_history)) return fixed_codes;
  return job.level >= 3 && job.part_bytes >= min_thorough_bytes ? thorough : quick;
}

class IsalCompressor final : public CompressorEngine {
 public:
  IsalCompressor() : stream_(std::make_unique_for_overwrite<isal_zstream>()) { isal_deflate_init(stream_.get()); }

  void begin(const Job& job) override {
    isal_zstream& stream = *stream_;
    isal_deflate_reset(&stream);
    const std::uint32_t level = isal_level(job);
    stream.level = level;
    if (level == fixed_codes) isal_deflate_set_hufftables(&stream, nullptr, IGZIP_HUFFTABLE_STATIC);
    std::unique_ptr<std::uint8_t[]>& memory = level == thorough ? thorough_memory_ : quick_memory_;
    const std::uint32_t memory_bytes = level == thorough ? ISAL_DEF_LVL3_SMALL : ISAL_DEF_LVL1_SMALL;
    if (level != fixed_codes && memory == nullptr) {
      memory = std::make_unique_for_overwrite<std::uint8_t[]>(memory_bytes);
    }
    stream.level_buf = level == fixed_codes ? nullptr : memory.get();
    stream.level_buf_size = level == fixed_codes ? 0 : memory_bytes;
    stream.hist_bits = job.window_bits;
    // A full flush lets it clear no more of its table than the input can fill. For what neither has a past nor a
    // future.
    stream.flush = job.history.empty() && job.part_bytes <= max_slice_bytes ? FULL_FLUSH : SYNC_FLUSH;
    if (!job.history.empty()) {
      isal_deflate_set_dict(&stream, in(job.history.data()), static_cast<std::uint32_t>(job.history.size()));
    }
  }

  void add(Bytes slice, Buffer& to) override {
    isal_zstream& stream = *stream_;
    stream.next_in = in(slice.data());
    stream.avail_in = static_cast<std::uint32_t>(slice.size());
    do {
      const MutableBytes room = to.prepare(compressed_bound(stream.avail_in));
      const std::size_t size = std::min(room.size(), max_count);
      stream.next_out = out(room.data());
      stream.avail_out = static_cast<std::uint32_t>(size);
      [[maybe_unused]] const int result = isal_deflate(&stream);
      assert(result == COMP_OK);
      to.commit(size - stream.avail_out);
    } while (stream.avail_out == 0);
    assert(stream.avail_in == 0 && stream.internal_state.state == ZSTATE_NEW_HDR);
  }

 private:
  std::unique_ptr<isal_zstream> stream_;
  std::unique_ptr<std::uint8_t[]> quick_memory_;
  std::unique_ptr<std::uint8_t[]> thorough_memory_;
};

// How ISA-L's inflate goes about it, where that shows: it decodes into a buffer of its own, `tmp_out_buffer`, and
// copies from there. What has been copied is kept as history, up to 64 KiB. Only when that buffer is full does it go on
// in the caller's, and looks no further back than its beginning. It reads ahead by up to 8 bytes, into `read_in`.
class IsalDecompressor final : public DecompressorEngine {
 public:
  IsalDecompressor() : state_(std::make_unique_for_overwrite<inflate_state>()) { isal_inflate_init(state_.get()); }

  void begin(Bytes history) override {
    isal_inflate_reset(state_.get());
    fresh_ = true;
    if (history.empty()) return;
    isal_inflate_set_dict(state_.get(), in(history.data()), static_cast<std::uint32_t>(history.size()));
  }

  bool run(Bytes& input, MutableBytes& output) override {
    inflate_state& state = *state_;
    while (!input.empty() || !fresh_) {
      const std::size_t offered = std::min(input.size(), max_count);
      const std::size_t room = std::min(output.size(), max_room());
      state.next_in = in(input.data());
      state.avail_in = static_cast<std::uint32_t>(offered);
      state.next_out = out(output.data());
      state.avail_out = static_cast<std::uint32_t>(room);
      const int result = isal_inflate(&state);
      // Its counts are not to be relied on when it fails.
      if (result != ISAL_DECOMP_OK) return false;
      const bool full = state.avail_out == 0;
      const MutableBytes written = output.first(room - state.avail_out);
      output = output.subspan(written.size());
      fresh_ = state.block_state == ISAL_BLOCK_FINISH;
      if (fresh_) {
        go_on(written);
      } else if (full) {
        give_back(offered);
      }
      assert(state.avail_in <= offered);
      const bool all_read = state.avail_in == 0;
      input = input.subspan(offered - state.avail_in);
      if (fresh_) continue;
      if (output.empty() && full) return true;
      if (input.empty() && all_read && !full) return true;
    }
    return true;
  }

  bool at_boundary() const noexcept override {
    if (fresh_) return true;
    const inflate_state& state = *state_;
    const bool between_blocks = state.block_state == ISAL_BLOCK_NEW_HDR || state.block_state == ISAL_BLOCK_HDR;
    return between_blocks && state.tmp_in_size == 0 && state.read_in_length == 0 &&
           state.tmp_out_processed == state.tmp_out_valid;
  }

  bool is_fresh() const noexcept override { return fresh_; }

 private:
  // Less than would fill `tmp_out_buffer` if that has more history than ISA-L itself would leave there (see `go_on`).
  std::size_t max_room() const noexcept {
    const auto used = static_cast<std::size_t>(state_->tmp_out_processed);
    return used > ISAL_DEF_HIST_SIZE ? 2 * ISAL_DEF_HIST_SIZE - used - 1 : max_count;
  }

  // Whole bytes that were read ahead come from this input, and will be offered again; unless a header has begun, which
  // is kept elsewhere. So none of them is older than the call that finds the end of a final block.
  void give_back(std::size_t offered) noexcept {
    inflate_state& state = *state_;
    if (state.tmp_in_size != 0 || state.read_in_length < 8) return;
    const std::size_t ahead = static_cast<std::size_t>(state.read_in_length) / 8;
    const auto bytes = static_cast<std::uint32_t>(std::min(ahead, offered - state.avail_in));
    state.next_in -= bytes;
    state.avail_in += bytes;
    state.read_in_length -= static_cast<std::int32_t>(8 * bytes);
    state.read_in &= (std::uint64_t{1} << state.read_in_length) - 1;
  }

  // Behind a final block: what is left of its last byte is dropped, and the next block may refer to what was before.
  void go_on(Bytes written) noexcept {
    inflate_state& state = *state_;
    const auto ahead = static_cast<std::uint32_t>(state.read_in_length / 8);
    state.next_in -= ahead;
    state.avail_in += ahead;
    state.read_in = 0;
    state.read_in_length = 0;
    state.bfinal = 0;
    state.block_state = ISAL_BLOCK_NEW_HDR;
    constexpr std::size_t window = ISAL_DEF_HIST_SIZE;
    const auto kept = static_cast<std::size_t>(state.tmp_out_valid);
    if (written.size() >= window) {
      isal_inflate_set_dict(&state, in(written.last(window).data()), window);
    } else if (kept > window + window / 2) {
      // Not each time, or a flood of tiny final blocks would cost this copy each.
      std::memmove(state.tmp_out_buffer, state.tmp_out_buffer + kept - window, window);
      state.tmp_out_valid = state.tmp_out_processed = window;
    }
  }

  std::unique_ptr<inflate_state> state_;
  bool fresh_ = true;
};

}  // namespace

std::unique_ptr<CompressorEngine> make_isal_compressor() { return std::make_unique<IsalCompressor>(); }
std::unique_ptr<DecompressorEngine> make_isal_decompressor() { return std::make_unique<IsalDecompressor>(); }

}  // namespace tidewire::websocket::detail
