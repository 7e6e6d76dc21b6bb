#pragma once

#include <tidewire/core/loop.h>
#include <tidewire/core/shared_bytes.h>
#include <vector>

namespace tidewire::websocket {

class Connection;
struct Topic;

/// What was published on a loop and has not been delivered yet.
///
/// Messages that follow each other in one turn, to the same subscribers, are put together once and written to each
/// of them once: a subscriber then costs one write, however many there were. They are delivered at the end of the
/// turn, or before that when something else happens to the connections or topics of the loop, so that all takes
/// effect in the order in which it was called: whoever sends, closes, joins or leaves calls `deliver` first.
///
/// One for a loop, and for its thread alone. Refers to the topic, which is there as long as it has subscribers.
class Publications final : private Flushable {
 public:
  explicit Publications(Loop& loop) noexcept : loop_(loop) {}

  /// Adds a frame for those in the topic, but one. Delivers at once what is large, or what there is no memory for.
  void add(const Topic& topic, const SharedBytes& frame, const Connection* except) noexcept;

  /// Whether all has been delivered.
  [[nodiscard]] bool empty() const noexcept { return topic_ == nullptr; }
  /// Writes what there is to the subscribers. Calls no handler.
  void deliver() noexcept {
    if (!empty()) deliver_all(false);
  }

 private:
  void flush() noexcept override;
  void deliver_all(bool last) noexcept;

  Loop& loop_;
  const Topic* topic_ = nullptr;
  const Connection* except_ = nullptr;
  std::vector<SharedBytes> frames_;
  std::size_t bytes_ = 0;
  bool marked_ = false;  // In the loop's list of what is to be flushed.
};

}  // namespace tidewire::websocket
