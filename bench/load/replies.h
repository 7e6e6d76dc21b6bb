#pragma once

#include <tidewire/bench/deflate.h>
#include <tidewire/bench/exchange.h>
#include <tidewire/bench/frame_reader.h>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tidewire::bench {

/// What there is to know of a connection whose replies are compressed.
struct DeflatedReplies {
  FrameReader frames;
  std::uint64_t number = 0;  ///< Of the next reply.
  std::string payload;       ///< That is there of it, if it is compared.
};

/// How far the replies of one connection have come.
struct ReplyStream {
  std::size_t offset = 0;  ///< Bytes that are there of the next reply.
  bool whole = false;      ///< All of its content is compared.
  std::unique_ptr<DeflatedReplies> deflated = {};
};

/// Counts and compares the replies of all connections of a run. A compressed reply has its text compared, and nothing
/// is known of its start; one that is not compressed is wrong, however right its text.
class Replies {
 public:
  /// `exchange` has to outlive it.
  explicit Replies(const Exchange& exchange) noexcept : exchange_(exchange) {}

  /// From now on every reply is compared in full, or one in 16. All have their start compared.
  void compare_all(bool all) noexcept { sample_mask_ = all ? 0 : 15; }

  /// How many replies end within these bytes; nothing when they are not what was asked for.
  [[nodiscard]] std::optional<std::size_t> take(ReplyStream& stream, std::string_view bytes);

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  /// What has been taken, on the wire.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  /// "a wrong reply, after ...": what to say when `take` found one.
  [[nodiscard]] Error wrong_reply() const;

 private:
  [[nodiscard]] std::optional<std::size_t> take_deflated(ReplyStream& stream, std::string_view bytes);
  [[nodiscard]] bool keep(DeflatedReplies& replies, const FrameReader::Piece& piece);
  [[nodiscard]] bool matches(const ReplyStream& stream, std::string_view bytes) const;

  const Exchange& exchange_;
  std::uint64_t count_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t sample_mask_ = 0;  ///< A reply whose number has none of these bits is compared in full.
  MessageInflater inflater_;
};

}  // namespace tidewire::bench
