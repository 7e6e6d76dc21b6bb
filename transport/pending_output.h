#pragma once

#include <uv.h>

#include <tidewire/core/loop.h>
#include <tidewire/transport/output_queue.h>
#include <tidewire/transport/stream.h>

namespace tidewire::transport {

/// What a socket stream needs only while it has output that could not leave at once, or that was written
/// outside a read callback. Taken from a pool of the loop's and given back when all has gone.
struct PendingOutput final : Flushable {
  /// Its stream, as far as the queue knows it.
  class Owner : public Stream {
   public:
    /// The loop's turn ends: write what waits.
    virtual void flush_turn() noexcept = 0;
  };

  void flush() noexcept override {
    dirty = false;
    if (owner == nullptr) {
      delete this;
    } else {
      owner->flush_turn();
    }
  }

  /// Frees it, or lets it free itself if the loop's list of dirty ones still has it.
  static void drop(PendingOutput* pending) noexcept {
    if (pending == nullptr) return;
    if (pending->dirty) {
      pending->owner = nullptr;
    } else {
      delete pending;
    }
  }

  Owner* owner = nullptr;  // Null once the stream has gone.
  OutputQueue queue;
  std::size_t in_flight_bytes = 0;  // Of a uv_write that has not been answered.
  int failure = 0;                  // A libuv error to be told at the end of the turn.
  bool dirty = false;               // In the loop's list.
  bool progress = false;            // Something has left since the consumer was told.
  uv_write_t request{};
};

}  // namespace tidewire::transport
