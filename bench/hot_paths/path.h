#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace tidewire::bench {

/// A server and its clients in one process, over memory streams, and what they do again and again. No socket, no
/// kernel and no clock takes part (see clock.cc), so that a round takes the same instructions each time.
class Path {
 public:
  Path() = default;
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;
  virtual ~Path() = default;

  /// How many messages a round exchanges.
  [[nodiscard]] virtual std::size_t messages_a_round() const noexcept = 0;

  /// One round, until all answers have come. Throws std::runtime_error when they do not come. What it counts of them
  /// is their bytes; comparing them would take as long as some of the paths.
  virtual void round() = 0;

  /// One round with every byte of the answers compared with what it must be, and with nothing more coming after it.
  /// Throws std::runtime_error when it is something else.
  virtual void checked_round() = 0;
};

/// What there is to choose from.
struct NamedPath {
  std::string_view name;
  std::string_view what;  ///< A line for people; also says what counts as a message.
  std::size_t rounds;     ///< Unless told otherwise: a second or two under callgrind.
  std::unique_ptr<Path> (*make)();
};

[[nodiscard]] std::span<const NamedPath> paths() noexcept;

}  // namespace tidewire::bench
