#pragma once

#include <tidewire/core/export.h>
#include <tidewire/core/metrics.h>
#include <tidewire/transport/stream.h>
#include <functional>
#include <vector>

namespace tidewire::transport {

/// Everyone who is connected: what a server must say goodbye to. Adding and removing are O(1); a consumer
/// is in one at most, and is removed before it is destroyed. Owns nobody.
class TIDEWIRE_API Sessions {
 public:
  /// Throws std::bad_alloc, and has then added nobody.
  void add(Consumer& consumer);
  /// Removing one that is in none does nothing.
  void remove(Consumer& consumer) noexcept;
  /// `heir` takes `consumer`'s place: the connection goes on under another protocol.
  void replace(Consumer& consumer, Consumer& heir) noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return members_.size(); }
  [[nodiscard]] bool empty() const noexcept { return members_.empty(); }
  /// The same count, to be read from any thread.
  [[nodiscard]] const Gauge& open() const noexcept { return open_; }

  /// Calls `left` whenever the last one was removed. It must not destroy this object.
  void on_empty(std::function<void()> left) { on_empty_ = std::move(left); }

  /// Asks everyone who is here now to finish in order. They may leave meanwhile, and others come;
  /// one may be asked twice. Whoever throws is ended at once.
  void drain_all() noexcept;
  /// Ends everyone at once. Each is removed here first, and frees itself when its stream has closed.
  void abandon_all() noexcept;

 private:
  std::vector<Consumer*> members_;
  Gauge open_;
  std::function<void()> on_empty_;
};

}  // namespace tidewire::transport
