#pragma once

#include <tidewire/core/bytes.h>
#include <tidewire/core/export.h>
#include <atomic>
#include <new>
#include <utility>

namespace tidewire {

/// Immutable bytes with a reference count: written once, then shared by every connection that sends them.
///
/// Copying costs one atomic increment. Bytes and count live in a single allocation, freed with the last
/// reference, from whichever thread drops it. The contents may be read from any thread.
class TIDEWIRE_API SharedBytes {
 public:
  SharedBytes() noexcept = default;
  SharedBytes(const SharedBytes& other) noexcept : block_(other.block_) { retain(); }
  SharedBytes(SharedBytes&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  SharedBytes& operator=(SharedBytes other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~SharedBytes() { drop(); }

  /// A copy of `bytes`. Throws std::bad_alloc.
  [[nodiscard]] static SharedBytes copy_of(Bytes bytes) {
    return make(bytes.size(), [&](MutableBytes into) {
      if (!bytes.empty()) std::memcpy(into.data(), bytes.data(), bytes.size());
    });
  }

  /// `size` bytes that `fill(MutableBytes)` writes before anyone else sees them. Throws std::bad_alloc.
  template <class Fill>
  [[nodiscard]] static SharedBytes make(std::size_t size, Fill&& fill) {
    SharedBytes made(allocate(size));
    std::forward<Fill>(fill)(MutableBytes(made.block_->bytes(), size));
    return made;
  }

  [[nodiscard]] Bytes view() const noexcept { return block_ ? Bytes(block_->bytes(), block_->size) : Bytes(); }
  [[nodiscard]] std::size_t size() const noexcept { return block_ ? block_->size : 0; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }

 private:
  struct Block {
    std::atomic<std::size_t> references;
    std::size_t size;
    std::byte* bytes() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
  };

  explicit SharedBytes(Block* block) noexcept : block_(block) {}
  static Block* allocate(std::size_t size);
  void retain() const noexcept {
    if (block_) block_->references.fetch_add(1, std::memory_order_relaxed);
  }
  void drop() noexcept {
    if (block_ && block_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) free(block_);
  }
  static void free(Block* block) noexcept;

  Block* block_ = nullptr;
};

}  // namespace tidewire
