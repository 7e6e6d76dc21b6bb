#pragma once

#include <zlib.h>
#include <stdexcept>
#include <string>
#include <string_view>

/// A peer's side of permessage-deflate (RFC 7692 section 7.2) by zlib alone: what others would send and make of what
/// they get.
namespace tidewire::testing {

inline const std::string sync_marker("\x00\x00\xff\xff", 4);

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
    std::string out;
    std::string in(text);
    stream_.next_in = reinterpret_cast<Bytef*>(in.data());
    stream_.avail_in = static_cast<uInt>(in.size());
    do {
      char step[16384];
      stream_.next_out = reinterpret_cast<Bytef*>(step);
      stream_.avail_out = sizeof step;
      const int result = deflate(&stream_, Z_SYNC_FLUSH);
      if (result != Z_OK && result != Z_BUF_ERROR) throw std::runtime_error("deflate");
      out.append(step, sizeof step - stream_.avail_out);
    } while (stream_.avail_out == 0);
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
    std::string out;
    stream_.next_in = reinterpret_cast<Bytef*>(in.data());
    stream_.avail_in = static_cast<uInt>(in.size());
    do {
      char step[16384];
      stream_.next_out = reinterpret_cast<Bytef*>(step);
      stream_.avail_out = sizeof step;
      const int result = inflate(&stream_, Z_SYNC_FLUSH);
      if (result != Z_OK && result != Z_BUF_ERROR) throw std::runtime_error("inflate");
      out.append(step, sizeof step - stream_.avail_out);
    } while (stream_.avail_out == 0);
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
