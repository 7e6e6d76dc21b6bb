#pragma once

#include <tidewire/core/buffer.h>
#include <tidewire/core/export.h>
#include <tidewire/core/shared_bytes.h>
#include <array>
#include <vector>

namespace tidewire::transport {

/// What waits to be written, in order: copies, gathered into few buffers, and references to shared bytes.
///
/// Knows no socket. Its user asks for the `front` pieces, writes as many of their bytes as it can, and
/// says how many with `consume`.
///
/// A bound on `size` bounds the memory too: however small the pieces are, a queue takes at most half as much again as
/// its bytes, and 512 KiB (a buffer that is not full yet, and one that has been written in part).
class TIDEWIRE_API OutputQueue {
 public:
  /// Adds a copy of `head`, then of `body`. Throws std::bad_alloc, and has then added nothing.
  void append(Bytes head, Bytes body = {});
  /// Adds a reference, or a copy of what is small and has to wait with others: a reference would take more memory than
  /// the bytes. Throws as above.
  void append(const SharedBytes& bytes);
  /// Room for `size` bytes at the end, to compose output in; `commit` adds the first `count` of them.
  [[nodiscard]] MutableBytes reserve(std::size_t size);
  void commit(std::size_t count) noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

  /// The pieces at the front, as many as fit into `pieces` and hold no more than `most` bytes together; the
  /// last may be a part. Returns how many there are.
  std::size_t front(std::span<Bytes> pieces, std::size_t most) const noexcept;
  /// Drops `count` bytes from the front.
  void consume(std::size_t count) noexcept;
  /// Drops everything; keeps some memory for the next use, if it is little.
  void clear() noexcept;
  /// How much memory the queue owns. What is shared counts as references alone.
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  struct Segment {
    Buffer copied;  // Used if `shared` is empty.
    SharedBytes shared;
    std::size_t consumed = 0;  // Of `shared`; a Buffer knows by itself.

    [[nodiscard]] Bytes view() const noexcept {
      return shared.empty() ? copied.view() : shared.view().subspan(consumed);
    }
  };

  Buffer& open_buffer(std::size_t size);
  void drop_written() noexcept;

  std::vector<Segment> segments_;
  std::size_t first_ = 0;  // The segments before it have been written.
  std::size_t size_ = 0;
};

}  // namespace tidewire::transport
