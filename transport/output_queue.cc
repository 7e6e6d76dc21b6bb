#include <tidewire/transport/output_queue.h>
#include <algorithm>
#include <cassert>

namespace tidewire::transport {
namespace {

// Larger buffers are not kept for the next connection that has to wait.
constexpr std::size_t keep_bytes = 16 * 1024;
constexpr std::size_t keep_segments = 64;
// A copy starts a buffer of its own when the last is this full, so that growing never moves much.
constexpr std::size_t full_bytes = 256 * 1024;

}  // namespace

Buffer& OutputQueue::open_buffer() {
  const bool usable =
      segments_.size() > first_ && segments_.back().shared.empty() && segments_.back().copied.size() < full_bytes;
  if (!usable) segments_.emplace_back();
  return segments_.back().copied;
}

void OutputQueue::append(Bytes head, Bytes body) {
  const std::size_t total = head.size() + body.size();
  if (total == 0) return;
  std::byte* to = reserve(total).data();
  if (!head.empty()) std::memcpy(to, head.data(), head.size());
  if (!body.empty()) std::memcpy(to + head.size(), body.data(), body.size());
  commit(total);
}

void OutputQueue::append(const SharedBytes& bytes) {
  if (bytes.empty()) return;
  segments_.emplace_back().shared = bytes;
  size_ += bytes.size();
}

MutableBytes OutputQueue::reserve(std::size_t size) { return open_buffer().prepare(size); }

void OutputQueue::commit(std::size_t count) noexcept {
  segments_.back().copied.commit(count);
  size_ += count;
}

std::size_t OutputQueue::front(std::span<Bytes> pieces, std::size_t most) const noexcept {
  std::size_t count = 0;
  std::size_t bytes = 0;
  for (std::size_t index = first_; index < segments_.size() && count < pieces.size() && bytes < most; ++index) {
    const Bytes whole = segments_[index].view();
    pieces[count] = whole.first(std::min(whole.size(), most - bytes));
    bytes += pieces[count].size();
    ++count;
  }
  return count;
}

void OutputQueue::consume(std::size_t count) noexcept {
  assert(count <= size_);
  size_ -= count;
  while (first_ < segments_.size()) {
    Segment& segment = segments_[first_];
    const std::size_t held = segment.view().size();
    if (count < held) {
      if (segment.shared.empty()) {
        segment.copied.consume(count);
      } else {
        segment.consumed += count;
      }
      return;
    }
    count -= held;
    segment.shared = SharedBytes();
    segment.consumed = 0;
    segment.copied.clear();
    if (segment.copied.capacity() > keep_bytes) segment.copied.release();
    ++first_;
    if (size_ != 0) drop_written();
  }
  clear();
}

// A queue that never runs empty must not keep what it wrote long ago.
void OutputQueue::drop_written() noexcept {
  if (first_ < 64 || first_ < segments_.size() / 2) return;
  segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(first_));
  first_ = 0;
}

void OutputQueue::clear() noexcept {
  size_ = first_ = 0;
  // The first buffer is kept for what comes next, if it is of a common size.
  if (segments_.capacity() > keep_segments) {
    segments_ = std::vector<Segment>();
  } else if (!segments_.empty() && segments_.front().copied.capacity() != 0 &&
             segments_.front().copied.capacity() <= keep_bytes) {
    segments_.resize(1);
    segments_.front().copied.clear();
    segments_.front().shared = SharedBytes();
    segments_.front().consumed = 0;
  } else {
    segments_.clear();
  }
}

}  // namespace tidewire::transport
