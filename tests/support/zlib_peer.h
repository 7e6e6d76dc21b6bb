#pragma once

#include <zlib.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

/// A peer's side of permessage-deflate (RFC 7692 section 7.2) by zlib alone: what others would send and make of what
/// they get.
namespace tidewire::testing {

inline const std::string sync_marker("\x00\x00\xff\xff", 4);

/// What zlib's `function`, deflate or inflate, makes of all of `in`.
inline std::string pass_through(z_stream& stream, std::string in, int (*function)(z_stream*, int), const char* name) {
  std::string out;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  do {
    char step[16384];
    stream.next_out = reinterpret_cast<Bytef*>(step);
    stream.avail_out = sizeof step;
    const int result = function(&stream, Z_SYNC_FLUSH);
    if (result != Z_OK && result != Z_BUF_ERROR) throw std::runtime_error(name);
    out.append(step, sizeof step - stream.avail_out);
  } while (stream.avail_out == 0);
  return out;
}

class ZlibDeflater {
 public:
  explicit ZlibDeflater(int window_bits = 15, int level = 6) {
    if (deflateInit2(&stream_, level, Z_DEFLATED, -window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
      throw std::runtime_error("deflateInit2");
    }
  }
  ZlibDeflater(const ZlibDeflater&) = delete;
  ZlibDeflater& operator=(const ZlibDeflater&) = delete;
  ~ZlibDeflater() { deflateEnd(&stream_); }

  /// What a message, or a part of one, is on the wire; the next may refer to it.
  std::string operator()(std::string_view text, bool last = true) {
    const std::string out = pass_through(stream_, std::string(text), deflate, "deflate");
    if (!last) return out;
    // zlib flushes nothing twice: an empty message is the one byte of section 7.2.3.6.
    return out.empty() ? std::string(1, '\0') : out.substr(0, out.size() - sync_marker.size());
  }

 private:
  z_stream stream_ = {};
};

class ZlibInflater {
 public:
  explicit ZlibInflater(int window_bits = 15) {
    if (inflateInit2(&stream_, -window_bits) != Z_OK) throw std::runtime_error("inflateInit2");
  }
  ZlibInflater(const ZlibInflater&) = delete;
  ZlibInflater& operator=(const ZlibInflater&) = delete;
  ~ZlibInflater() { inflateEnd(&stream_); }

  /// What a message, or a part of one, says. Throws if it isn't DEFLATE, or refers to what isn't there.
  std::string operator()(std::string_view payload, bool last = true) {
    std::string in = std::string(payload) + (last ? sync_marker : std::string());
    std::string out = pass_through(stream_, std::move(in), inflate, "inflate");
    if (stream_.avail_in != 0) throw std::runtime_error("inflate: something is left");
    return out;
  }

 private:
  z_stream stream_ = {};
};

inline std::string deflated(std::string_view text, int window_bits = 15) { return ZlibDeflater(window_bits)(text); }
inline std::string inflated(std::string_view payload, int window_bits = 15) {
  return ZlibInflater(window_bits)(payload);
}

}  // namespace tidewire::testing
