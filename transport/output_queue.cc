#include <tidewire/transport/output_queue.h>
#include <algorithm>
#include <cassert>

namespace tidewire::transport {
namespace {

// Larger buffers are not kept for the next connection that has to wait.
constexpr std::size_t keep_bytes = 16 * 1024;
constexpr std::size_t keep_segments = 64;
// A buffer of copies does not grow beyond this, so that growing never moves much, nor leaves much unused.
constexpr std::size_t full_bytes = 256 * 1024;
// Shared bytes from this size on are worth a segment of their own, which takes less than a quarter of it, though the
// vector may have twice the room that it uses.
constexpr std::size_t referenced_bytes = 512;

}  // namespace

/// The last buffer, if it has room for `size` more bytes or may grow for them, or a new one.
Buffer& OutputQueue::open_buffer(std::size_t size) {
  const bool first = first_ == segments_.size();
  if (!first && segments_.back().shared.empty()) {
    Buffer& last = segments_.back().copied;
    if (last.spare() >= size || last.empty()) return last;
    const std::size_t needed = last.size() + size;
    if (needed <= full_bytes) {
      if (last.capacity() > full_bytes / 2 && needed > last.capacity() / 2) last.reallocate(full_bytes);
      return last;
    }
  }
  Buffer& added = segments_.emplace_back().copied;
  // Between references there may be many buffers, with a few bytes each.
  if (!first) added.reallocate(size);
  return added;
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
  // One that is alone as a rule leaves at the end of the turn.
  if (bytes.size() < referenced_bytes && !empty()) return append(bytes.view());
  segments_.emplace_back().shared = bytes;
  size_ += bytes.size();
}

MutableBytes OutputQueue::reserve(std::size_t size) { return open_buffer(size).prepare(size); }

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
    // `clear` keeps the first alone.
    if (first_ != 0 || segment.copied.capacity() > keep_bytes) segment.copied.release();
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

std::size_t OutputQueue::memory_bytes() const noexcept {
  std::size_t bytes = segments_.capacity() * sizeof(Segment);
  for (const Segment& segment : segments_) bytes += segment.copied.capacity();
  return bytes;
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
