#pragma once

#include <tidewire/core/export.h>
#include <tidewire/core/poll_set.h>

namespace tidewire {

class Loop;

/// What a descriptor is ready for.
struct Ready {
  bool readable = false;
  bool writable = false;
  bool ended = false;   ///< The peer has gone, or has ended its side: there is an end or an error to be read.
  bool broken = false;  ///< There may be an error: SO_ERROR has it. With `ended`.
  bool urgent = false;  ///< Bytes marked urgent wait: a read may stop at the mark.
};

/// A descriptor of which its loop tells when it can be read from or written to.
///
/// It is watched by the loop's PollSet, or by libuv where the loop has none. The first tells once of what has
/// changed, libuv for as long as it is so. What serves both: read until less came than there was room for (until
/// the end or the error itself when `ended` is set, until nothing is left when `urgent` is) or call `watch_reading`
/// again; write until the system takes no more, then call `watch_writing`, and `ignore_writing` when it did.
///
/// A short read is the last one because what arrives after it is a change of its own. That holds for bytes marked
/// urgent too: the kernel reports them (EPOLLPRI) from their arrival until they are read, so a read that stops at a
/// mark either was reported as `urgent`, or the mark arrived after the report and makes another. It does not hold on
/// Unix sockets, where a read also stops after bytes with descriptors: see receive_local in transport/socket_calls.h.
///
/// `on_ready` has a slice of the loop's budget. One that stops because its slice is spent calls `watch_reading`, and is
/// then called in a later turn, after the others.
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
  /// Not wanted any more; `on_ready` may still be called for it. The peer's end and errors are reported all the same,
  /// once `watch_reading` was called; the end once, where libuv watches.
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
  int poll_for(unsigned interest) noexcept;

  int descriptor_;
  unsigned interest_ = 0;  // What was ever watched for; by libuv, what is now, with the bits of watched.cc.
  ByLibuv* by_libuv_ = nullptr;
};

}  // namespace tidewire
