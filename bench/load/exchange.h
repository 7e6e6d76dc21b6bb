#pragma once

#include <tidewire/bench/connect.h>
#include <tidewire/bench/deflated_echoes.h>
#include <tidewire/bench/frames.h>
#include <tidewire/bench/heads.h>
#include <tidewire/core/result.h>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidewire::bench {

/// What a workload exchanges over each of its connections: a batch of requests goes out in one piece, and when all its
/// replies have come, the batch goes out again.
struct Exchange {
  std::string batch;      ///< `depth` requests, as they go over the wire.
  std::size_t depth = 1;  ///< Requests in a batch.
  std::string reply;      ///< One reply. All have its size.

  /// So many first bytes are compared in every reply: what tells that a reply begins here.
  std::size_t start_bytes = 0;
  /// What is compared in a sample of the replies: from here to the end. Between lies what may differ from reply to
  /// reply (HTTP's Date).
  std::size_t content_from = 0;

  /// Instead of `batch` and `reply`, where messages are compressed. How a server does that is not known beforehand.
  std::optional<DeflatedEchoes> deflated = {};

  /// What goes out on a connection after so many batches.
  [[nodiscard]] std::string_view batch_after(std::uint64_t batches) const noexcept {
    return deflated ? deflated->batch_after(batches) : std::string_view(batch);
  }

  /// How many batches differ from each other.
  [[nodiscard]] std::size_t batches() const noexcept { return deflated ? deflated->batches() : 1; }
};

/// Limits that keep a wrong flag from taking the machine's memory.
inline constexpr std::size_t max_depth = 1024;
inline constexpr std::size_t max_batch_bytes = 64 * 1024 * 1024;

/// WebSocket messages that come back as they are. Each frame of the batch has its own mask.
[[nodiscard]] Result<Exchange> echo_exchange(Content content, std::size_t payload_bytes, std::size_t depth);

/// The same, compressed, as `offer` and the server's answer to it have it.
[[nodiscard]] Result<Exchange> deflated_exchange(Content content, std::size_t payload_bytes, std::size_t depth,
                                                 Offer offer, std::string_view extension);

/// GET requests for a path. Opens a connection and asks once, to learn what a reply looks like; any status but 200 is
/// an error.
[[nodiscard]] Result<Exchange> http_exchange(const Endpoint& endpoint, std::string_view path, Headers headers,
                                             std::size_t depth);

}  // namespace tidewire::bench
