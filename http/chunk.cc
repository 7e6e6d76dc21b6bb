#include <tidewire/http/chunk.h>

namespace tidewire::http {

ChunkHeader::ChunkHeader(std::uint64_t size) noexcept {
  std::size_t at = text_.size();
  text_[--at] = '\n';
  text_[--at] = '\r';
  do {
    text_[--at] = "0123456789abcdef"[size & 15];
    size >>= 4;
  } while (size != 0);
  begin_ = static_cast<std::uint8_t>(at);
}

void write_chunk(Buffer& out, Bytes content) {
  if (content.empty()) return;
  out.append(as_bytes(ChunkHeader(content.size()).text()));
  out.append(content);
  out.append(as_bytes(chunk_end));
}

void write_last_chunk(Buffer& out, const FieldLines& trailers) {
  out.append(as_bytes("0\r\n"));
  out.append(as_bytes(trailers.text()));
  out.append(as_bytes("\r\n"));
}

}  // namespace tidewire::http
