#include <tidewire/bench/replies.h>
#include <algorithm>
#include <cstring>

namespace tidewire::bench {

std::optional<std::size_t> Replies::take(ReplyStream& stream, std::string_view bytes) {
  const std::size_t size = exchange_.reply.size();
  std::size_t ended = 0;
  while (!bytes.empty()) {
    if (stream.offset == 0) stream.whole = (count_ & sample_mask_) == 0;
    const std::string_view piece = bytes.substr(0, size - stream.offset);
    if (!matches(stream, piece)) return std::nullopt;
    stream.offset += piece.size();
    if (stream.offset == size) {
      stream.offset = 0;
      ++ended;
      ++count_;
    }
    bytes.remove_prefix(piece.size());
  }
  return ended;
}

Error Replies::wrong_reply() const {
  return {Errc::protocol_error, "a wrong reply, after " + std::to_string(count_) + " right ones"};
}

bool Replies::matches(const ReplyStream& stream, std::string_view bytes) const {
  const auto same = [&](std::size_t from, std::size_t to) {
    from = std::max(from, stream.offset);
    to = std::min(to, stream.offset + bytes.size());
    return from >= to ||
           std::memcmp(exchange_.reply.data() + from, bytes.data() + (from - stream.offset), to - from) == 0;
  };
  return same(0, exchange_.start_bytes) && (!stream.whole || same(exchange_.content_from, exchange_.reply.size()));
}

}  // namespace tidewire::bench
