#include <tidewire/bench/deflate.h>
#include <tidewire/bench/deflated_echoes.h>
#include <algorithm>
#include <random>
#include <utility>

namespace tidewire::bench {
namespace {

/// Of a cycle: no text comes back while a window reaches as far.
constexpr std::size_t cycle_bytes = 4 * most_history_bytes;
constexpr std::size_t most_messages = 1024;
constexpr int largest_window_bits = 15;

std::size_t messages_in_cycle(std::size_t payload_bytes, std::size_t depth) {
  const std::size_t wanted =
      std::clamp<std::size_t>(cycle_bytes / std::max<std::size_t>(payload_bytes, 1), 1, most_messages);
  return (wanted + depth - 1) / depth * depth;
}

/// Of a server's frame, in the mean of a cycle that others went before.
double mean_by_zlib(Content content, const std::vector<std::string>& texts, bool takeover) {
  MessageDeflater deflater(takeover, largest_window_bits);
  std::size_t bytes = 0;
  for (const bool counts : {false, true}) {
    for (const std::string& text : texts) {
      const std::size_t size = server_frame(content, deflater.deflate(text)).size();
      if (counts) bytes += size;
    }
  }
  return static_cast<double>(bytes) / static_cast<double>(texts.size());
}

}  // namespace

DeflatedEchoes::DeflatedEchoes(Content content, std::size_t payload_bytes, std::size_t depth, Offer offer,
                               std::string extension)
    : offer_(offer), extension_(std::move(extension)) {
  const std::size_t messages = messages_in_cycle(payload_bytes, depth);
  for (std::size_t i = 0; i < messages; ++i) {
    texts_.push_back(payload(content, payload_bytes, static_cast<std::uint32_t>(i)));
  }
  std::mt19937 masks;
  MessageDeflater deflater(offer == Offer::deflate_with_takeover, client_window_bits(extension_, offer).value());
  for (std::vector<std::string>* cycle : {&first_, &again_}) {
    for (std::size_t i = 0; i < messages; ++i) {
      if (i % depth == 0) cycle->emplace_back();
      cycle->back() +=
          client_frame(content, deflater.deflate(texts_[i]), static_cast<std::uint32_t>(masks()), Coding::deflated);
    }
  }
  for (const std::string& batch : again_) request_bytes_ += static_cast<double>(batch.size());
  request_bytes_ /= static_cast<double>(messages);
  zlib_bytes_ = mean_by_zlib(content, texts_, offer == Offer::deflate_with_takeover);
  if (offer == Offer::deflate) return;
  const std::size_t wanted_bytes = most_history_bytes + 2 * messages * payload_bytes;
  while (payload_bytes > 0 && row_.size() < wanted_bytes) {
    for (const std::string& each : texts_) row_ += each;
  }
}

std::string_view DeflatedEchoes::batch_after(std::uint64_t batches) const noexcept {
  return batches < first_.size() ? first_[batches] : again_[batches % again_.size()];
}

std::string_view DeflatedEchoes::history(std::uint64_t number) const noexcept {
  if (row_.empty()) return {};
  // Later cycles look like the earliest that has a whole window before it.
  const std::uint64_t cycle = texts_.size() * text_bytes();
  std::uint64_t end = number * text_bytes();
  if (end > most_history_bytes + cycle) end -= (end - most_history_bytes - 1) / cycle * cycle;
  const std::uint64_t begin = end - std::min<std::uint64_t>(end, most_history_bytes);
  return std::string_view(row_).substr(begin, end - begin);
}

}  // namespace tidewire::bench
