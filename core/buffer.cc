#include <tidewire/core/buffer.h>
#include <algorithm>
#include <cassert>
#include <new>
#include <utility>

namespace tidewire {
namespace {

// Small enough to waste little on a connection that sends a line, large enough for most messages.
constexpr std::size_t smallest_capacity = 256;

}  // namespace

Buffer::Buffer(Buffer&& other) noexcept
    : memory_(std::move(other.memory_)),
      begin_(std::exchange(other.begin_, 0)),
      end_(std::exchange(other.end_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  memory_ = std::move(other.memory_);
  begin_ = std::exchange(other.begin_, 0);
  end_ = std::exchange(other.end_, 0);
  capacity_ = std::exchange(other.capacity_, 0);
  return *this;
}

void Buffer::append(Bytes more) {
  if (more.empty()) return;
  std::memcpy(prepare(more.size()).data(), more.data(), more.size());
  commit(more.size());
}

MutableBytes Buffer::prepare(std::size_t at_least) {
  if (spare() < at_least) grow(at_least);
  return {memory_.get() + end_, spare()};
}

void Buffer::consume(std::size_t count) noexcept {
  assert(count <= size());
  begin_ += count;
  if (begin_ == end_) clear();
}

void Buffer::drop_back(std::size_t count) noexcept {
  assert(count <= size());
  end_ -= count;
  if (begin_ == end_) clear();
}

void Buffer::release() noexcept {
  memory_.reset();
  begin_ = end_ = capacity_ = 0;
}

void Buffer::grow(std::size_t at_least) {
  const std::size_t used = size();
  if (at_least > SIZE_MAX / 4 - used) throw std::bad_alloc();
  const std::size_t needed = used + at_least;
  // Moving the contents to the front is cheaper than new memory when at least half of it is free.
  if (needed > capacity_ / 2) return reallocate(std::max({smallest_capacity, needed, capacity_ * 2}));
  std::memmove(memory_.get(), data(), used);
  begin_ = 0;
  end_ = used;
}

void Buffer::reallocate(std::size_t capacity) {
  const std::size_t used = size();
  assert(capacity >= used);
  std::unique_ptr<std::byte[]> memory(new std::byte[capacity]);
  if (used != 0) std::memcpy(memory.get(), data(), used);
  memory_ = std::move(memory);
  capacity_ = capacity;
  begin_ = 0;
  end_ = used;
}

}  // namespace tidewire
