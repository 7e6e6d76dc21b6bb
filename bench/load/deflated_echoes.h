#pragma once

#include <tidewire/bench/frames.h>
#include <tidewire/bench/offer.h>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidewire::bench {

/// Compressed messages that come back, over a connection that sends them in a cycle. Each message of it has another
/// text, and the cycle more text than a window: what is found in earlier messages is what real ones have in common.
class DeflatedEchoes {
 public:
  /// `extension` is what the server answered to the offer; `client_window_bits` takes it.
  DeflatedEchoes(Content content, std::size_t payload_bytes, std::size_t depth, Offer offer, std::string extension);

  /// The frames that go out in one piece, after so many such batches.
  [[nodiscard]] std::string_view batch_after(std::uint64_t batches) const noexcept;

  /// The text of a connection's message with this number, from 0.
  [[nodiscard]] std::string_view text(std::uint64_t number) const noexcept { return texts_[number % texts_.size()]; }
  /// How many batches differ from each other.
  [[nodiscard]] std::size_t batches() const noexcept { return first_.size(); }

  /// What compressed text of this message may refer to: the texts before it, if there is takeover.
  [[nodiscard]] std::string_view history(std::uint64_t number) const noexcept;

  /// In a cycle.
  [[nodiscard]] std::size_t messages() const noexcept { return texts_.size(); }
  [[nodiscard]] Offer offer() const noexcept { return offer_; }
  [[nodiscard]] const std::string& extension() const noexcept { return extension_; }
  /// Of a message.
  [[nodiscard]] std::size_t text_bytes() const noexcept { return texts_.front().size(); }
  /// Of a request on the wire, in the mean of a cycle.
  [[nodiscard]] double request_bytes() const noexcept { return request_bytes_; }
  /// What a reply would take if zlib's level 6 made it, with the largest window: the same for all servers.
  [[nodiscard]] double zlib_bytes() const noexcept { return zlib_bytes_; }

 private:
  std::vector<std::string> texts_;
  std::vector<std::string> first_;  ///< Batches of the first cycle.
  std::vector<std::string> again_;  ///< And of each later one, which may refer to the cycle before.
  std::string row_;                 ///< Texts in a row, for `history`.
  Offer offer_;
  std::string extension_;
  double request_bytes_ = 0;
  double zlib_bytes_ = 0;
};

}  // namespace tidewire::bench
