#pragma once

#include <tidewire/core/loop.h>
#include <tidewire/transport/stream.h>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace tidewire::transport {

/// Where the small writes that streams make in their read callbacks are held until all that was ready has been
/// read: one buffer for the loop, one region in it for each stream that wrote, and one system call for each
/// region at the end of the turn, or when the buffer is full.
///
/// Reading first and writing then keeps the kernel's code for each in the cache, and wakes the peers together.
class HeldOutput final : private Flushable {
 public:
  /// A stream whose writes are held. Flushable, as all of these are: with one base an idle one is the smaller.
  class Holder : public Flushable {
   public:
    /// Write this now, as far as the system takes it. Must not call the stream's consumer, which may be on the
    /// stack.
    virtual void send_held(Bytes bytes) noexcept = 0;

   protected:
    ~Holder() = default;

   private:
    friend class HeldOutput;
    static constexpr std::uint32_t none = UINT32_MAX;
    std::uint32_t region_ = none;
  };

  static constexpr std::size_t capacity = 64 * 1024;
  static constexpr std::size_t max_regions = 256;

  explicit HeldOutput(Loop& loop);

  /// The read callback of `holder` runs until `end`: its writes are held. `stream` is who it is to others.
  void begin(Holder& holder, const Stream* stream) noexcept;
  void end() noexcept {
    holder_ = nullptr;
    stream_ = nullptr;
  }
  /// For a stream over another one, whose read callback lies within the other's: what was before, and back to it.
  struct Callback {
    Holder* holder;
    const Stream* stream;
  };
  [[nodiscard]] Callback current() const noexcept { return {holder_, stream_}; }
  void restore(const Callback& outer) noexcept { outer.holder != nullptr ? begin(*outer.holder, outer.stream) : end(); }
  [[nodiscard]] const Holder* holder() const noexcept { return holder_; }
  [[nodiscard]] const Stream* stream() const noexcept { return stream_; }

  /// Where the holder's next bytes go; `add` takes the first `count` of them.
  [[nodiscard]] MutableBytes room() noexcept { return {buffer_.get() + used_, capacity - used_}; }
  void add(std::size_t count) noexcept {
    assert(holder_ != nullptr && count <= capacity - used_);
    if (holder_->region_ == Holder::none) begin_region();
    regions_.back().size += count;
    used_ += count;
  }
  void add(Bytes head, Bytes body) noexcept {
    std::byte* to = buffer_.get() + used_;
    copy_bytes(to, head);
    copy_bytes(to + head.size(), body);
    add(head.size() + body.size());
  }

  /// How much is held for a stream.
  [[nodiscard]] std::size_t held_bytes(const Holder& holder) const noexcept {
    return holder.region_ == Holder::none ? 0 : regions_[holder.region_].size;
  }

  /// What is held for a stream; it is not held any more, and readable until something is added.
  Bytes take(Holder& holder) noexcept;

  /// Has everything sent that is held.
  void flush_now() noexcept;

 private:
  struct Region {
    Holder* holder;  // Null once taken.
    std::size_t begin;
    std::size_t size;
  };

  void begin_region() noexcept;
  void flush() noexcept override;

  Loop& loop_;
  std::unique_ptr<std::byte[]> buffer_;
  std::vector<Region> regions_;
  std::size_t used_ = 0;
  Holder* holder_ = nullptr;
  const Stream* stream_ = nullptr;
  bool listed_ = false;  // The loop will flush this at the end of the turn.
};

}  // namespace tidewire::transport
