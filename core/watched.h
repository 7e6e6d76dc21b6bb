#pragma once

#include <tidewire/core/export.h>
#include <tidewire/core/poll_set.h>

namespace tidewire {

class Loop;

/// What a descriptor is ready for.
struct Ready {
  bool readable;
  bool writable;
  bool ended;  ///< The peer has gone, or has ended its side: there is an end or an error to be read.
};

/// A descriptor of which its loop tells when it can be read from or written to.
///
/// It is watched by the loop's PollSet, or by libuv where the loop has none. The first tells once of what has
/// changed, libuv for as long as it is so. What serves both: read until less came than there was room for (until
/// the end or the error itself when `ended` is set) or call `watch_reading` again; write until the system takes
/// no more, then call `watch_writing`, and `ignore_writing` when it did.
///
/// Owns the descriptor. Is destroyed no earlier than the end of the turn in which it was closed.
class TIDEWIRE_API Watched {
 public:
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  /// -1 once closed.
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

 protected:
  /// Takes over a descriptor that does not block.
  explicit Watched(int descriptor) noexcept : descriptor_(descriptor) {}
  /// Closes it, if that was not done.
  virtual ~Watched();

  /// From now on, and if it is ready already, `on_ready` is called. Also in a callback that was for something
  /// else, any number of times. 0, or a negative error number: the system cannot watch it.
  int watch_reading(Loop& loop) noexcept { return watch(loop, PollSet::reading); }
  int watch_writing(Loop& loop) noexcept { return watch(loop, PollSet::writing); }
  /// Not wanted any more; `on_ready` may still be called for it.
  void ignore_reading() noexcept {
    if (by_libuv_ != nullptr) ignore(PollSet::reading);
  }
  void ignore_writing() noexcept {
    if (by_libuv_ != nullptr) ignore(PollSet::writing);
  }

  /// Closes the descriptor; `on_ready` is not called any more.
  void close_descriptor(Loop& loop) noexcept;

 private:
  struct ByLibuv;
  friend class PollSet;

  virtual void on_ready(Ready ready) noexcept = 0;

  int watch(Loop& loop, unsigned interest) noexcept;
  int watch_by_libuv(Loop& loop, unsigned interest) noexcept;
  void ignore(unsigned interest) noexcept;

  int descriptor_;
  unsigned interest_ = 0;  // What was ever watched for; by libuv, what is now.
  ByLibuv* by_libuv_ = nullptr;
};

}  // namespace tidewire
