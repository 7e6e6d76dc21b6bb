#include <tidewire/bench/deflate.h>
#include <zlib.h>

#include <new>

namespace tidewire::bench {
namespace {

constexpr int level = 6;
constexpr int memory_level = 8;
/// RFC 7692 7.2.1: what ends a message that was flushed, and is not sent.
constexpr std::string_view tail("\0\0\xff\xff", 4);

void feed(z_stream& stream, std::string_view bytes) {
  // zlib's interface knows no const.
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast)
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
}

/// Puts what comes into the free end of `out`, from `size` on.
void drain(z_stream& stream, std::string& out, std::size_t size) {
  stream.next_out = reinterpret_cast<Bytef*>(out.data() + size);
  stream.avail_out = static_cast<uInt>(out.size() - size);
}

}  // namespace

void MessageDeflater::End::operator()(z_stream_s* stream) const noexcept {
  deflateEnd(stream);
  delete stream;
}

MessageDeflater::MessageDeflater(bool takeover, int window_bits) : stream_(new z_stream()), takeover_(takeover) {
  if (deflateInit2(stream_.get(), level, Z_DEFLATED, -window_bits, memory_level, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
}

std::string MessageDeflater::deflate(std::string_view message) {
  // Section 7.2.3.6: nothing can be flushed twice.
  if (message.empty()) return std::string(1, '\0');
  if (!takeover_) deflateReset(stream_.get());
  constexpr std::size_t flush_bytes = 16;
  std::string out(deflateBound(stream_.get(), static_cast<uLong>(message.size())) + flush_bytes, '\0');
  feed(*stream_, message);
  drain(*stream_, out, 0);
  ::deflate(stream_.get(), Z_SYNC_FLUSH);
  out.resize(out.size() - stream_->avail_out - tail.size());
  return out;
}

void MessageInflater::End::operator()(z_stream_s* stream) const noexcept {
  inflateEnd(stream);
  delete stream;
}

MessageInflater::MessageInflater() : stream_(new z_stream()) {
  if (inflateInit2(stream_.get(), -MAX_WBITS) != Z_OK) throw std::bad_alloc();
}

bool MessageInflater::is(std::string_view payload, std::string_view message, std::string_view history) {
  z_stream& stream = *stream_;
  inflateReset(&stream);
  if (history.size() > most_history_bytes) history.remove_prefix(history.size() - most_history_bytes);
  if (!history.empty() && inflateSetDictionary(&stream, reinterpret_cast<const Bytef*>(history.data()),
                                               static_cast<uInt>(history.size())) != Z_OK) {
    return false;
  }
  // One more byte than there should be would show.
  text_.resize(message.size() + 1);
  drain(stream, text_, 0);
  for (const std::string_view part : {payload, tail}) {
    feed(stream, part);
    const int result = inflate(&stream, Z_SYNC_FLUSH);
    if ((result != Z_OK && result != Z_BUF_ERROR) || stream.avail_in != 0) return false;
  }
  return stream.avail_out == 1 && std::string_view(text_).substr(0, message.size()) == message;
}

}  // namespace tidewire::bench
