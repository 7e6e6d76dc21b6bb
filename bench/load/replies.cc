#include <tidewire/bench/replies.h>
#include <algorithm>
#include <cstring>

namespace tidewire::bench {

std::optional<std::size_t> Replies::take(ReplyStream& stream, std::string_view bytes) {
  bytes_ += bytes.size();
  if (exchange_.deflated) return take_deflated(stream, bytes);
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

std::optional<std::size_t> Replies::take_deflated(ReplyStream& stream, std::string_view bytes) {
  if (!stream.deflated) stream.deflated = std::make_unique<DeflatedReplies>();
  DeflatedReplies& replies = *stream.deflated;
  std::size_t ended = 0;
  while (!bytes.empty()) {
    if (stream.offset == 0) stream.whole = (count_ & sample_mask_) == 0;
    const std::size_t before = bytes.size();
    const auto piece = replies.frames.take(bytes);
    if (!piece || (stream.whole && !keep(replies, *piece))) return std::nullopt;
    stream.offset += before - bytes.size();
    if (!piece->ends_message) continue;
    replies.payload.clear();
    ++replies.number;
    stream.offset = 0;
    ++ended;
    ++count_;
  }
  return ended;
}

/// Collects the payload of a reply that is compared, and compares it when it is whole.
bool Replies::keep(DeflatedReplies& replies, const FrameReader::Piece& piece) {
  const DeflatedEchoes& echoes = *exchange_.deflated;
  const std::string_view text = echoes.text(replies.number);
  // No compressor makes a text much longer.
  constexpr std::size_t most_added_bytes = 1024;
  replies.payload += piece.payload;
  if (replies.payload.size() > text.size() + text.size() / 8 + most_added_bytes) return false;
  return !piece.ends_message || inflater_.is(replies.payload, text, echoes.history(replies.number));
}

Error Replies::wrong_reply() const {
  const char* const what =
      exchange_.deflated ? "a wrong reply, or one that is not compressed, after " : "a wrong reply, after ";
  return {Errc::protocol_error, what + std::to_string(count_) + " right ones"};
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
