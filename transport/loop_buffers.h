#pragma once

#include <tidewire/core/loop.h>
#include <tidewire/transport/pending_output.h>
#include <tidewire/transport/stream.h>
#include <vector>

namespace tidewire::transport {

/// What all socket streams of a loop share, so that none of them needs buffers of its own while it has
/// nothing to wait for: the buffer that is read into, and the one in which the writes made inside a read
/// callback are held together until the callback returns.
class LoopBuffers {
 public:
  explicit LoopBuffers(Loop& owner);

  static constexpr std::size_t receive_bytes = 256 * 1024;
  static constexpr std::size_t held_bytes = 64 * 1024;

  [[nodiscard]] MutableBytes receive() noexcept { return {receive_.get(), receive_bytes}; }

  /// The stream whose callback is running; its writes are held.
  [[nodiscard]] const Stream* holder() const noexcept { return holder_; }
  void hold_for(const Stream* stream) noexcept { holder_ = stream; }

  [[nodiscard]] Bytes held() const noexcept { return {held_.get(), held_size_}; }
  [[nodiscard]] MutableBytes room() noexcept { return {held_.get() + held_size_, held_bytes - held_size_}; }
  void add(std::size_t count) noexcept { held_size_ += count; }
  void add(Bytes head, Bytes body) noexcept {
    std::byte* to = held_.get() + held_size_;
    copy_bytes(to, head);
    copy_bytes(to + head.size(), body);
    held_size_ += head.size() + body.size();
  }
  void drop_held() noexcept { held_size_ = 0; }

  /// An empty PendingOutput for `owner`. Throws std::bad_alloc.
  [[nodiscard]] PendingOutput* take_pending(PendingOutput::Owner& owner);
  /// Takes an empty one back.
  void give_back(PendingOutput* pending) noexcept;

  Loop& loop;

 private:
  std::unique_ptr<std::byte[]> receive_;
  std::unique_ptr<std::byte[]> held_;
  std::size_t held_size_ = 0;
  const Stream* holder_ = nullptr;
  std::vector<std::unique_ptr<PendingOutput>> spare_;
};

}  // namespace tidewire::transport
