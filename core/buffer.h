#pragma once

#include <tidewire/core/bytes.h>
#include <tidewire/core/export.h>
#include <memory>

namespace tidewire {

/// Growable bytes: appended at the back, consumed at the front, never initialised for nothing.
///
/// Growing is geometric and may move the bytes, so views into a Buffer end with the next call that adds to
/// it. An empty Buffer owns no memory until the first byte; allocation failure throws `std::bad_alloc` and
/// leaves the contents as they were. One thread at a time.
class TIDEWIRE_API Buffer {
 public:
  Buffer() noexcept = default;
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() = default;

  [[nodiscard]] std::byte* data() noexcept { return memory_.get() + begin_; }
  [[nodiscard]] const std::byte* data() const noexcept { return memory_.get() + begin_; }
  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  /// How many bytes the memory behind this holds, used or not.
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  /// How many bytes can be added without moving anything.
  [[nodiscard]] std::size_t spare() const noexcept { return capacity_ - end_; }

  [[nodiscard]] Bytes view() const noexcept { return {data(), size()}; }
  [[nodiscard]] MutableBytes bytes() noexcept { return {data(), size()}; }

  /// Adds a copy of `more`, which must not lie within this buffer.
  void append(Bytes more);

  /// At least `at_least` writable bytes behind the contents; all spare capacity, uninitialised. What is
  /// written there becomes contents with `commit`.
  [[nodiscard]] MutableBytes prepare(std::size_t at_least);
  /// Moves the contents to memory for `capacity` bytes in all: for who knows how much they will be in the end, and
  /// wants no more than that. At least as many as there are now.
  void reallocate(std::size_t capacity);
  /// Takes the first `count` of the prepared bytes into the contents.
  void commit(std::size_t count) noexcept { end_ += count; }

  /// Drops `count` bytes from the front; costs nothing.
  void consume(std::size_t count) noexcept;
  /// Drops `count` bytes from the back; costs nothing.
  void drop_back(std::size_t count) noexcept;
  /// Drops the contents and keeps the memory.
  void clear() noexcept { begin_ = end_ = 0; }
  /// Drops the contents and the memory.
  void release() noexcept;

 private:
  void grow(std::size_t at_least);

  std::unique_ptr<std::byte[]> memory_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace tidewire
