#pragma once

#include <tidewire/core/export.h>
#include <tidewire/websocket/deflate.h>
#include <cstddef>
#include <memory>

namespace tidewire::websocket {

struct Assembly;

/// The memory in which messages are put together that span inputs or are compressed, between two such messages; and
/// what they are compressed and inflated with.
///
/// One serves all the connections of a loop: who needs it takes it, and who is done puts it back, so that an
/// idle connection holds none and a stream of large messages allocates once. It outlives them. One thread at a time.
class TIDEWIRE_API SpareAssembly {
 public:
  /// Memory for a payload that has grown beyond `max_kept_bytes` is freed instead of kept.
  explicit SpareAssembly(std::size_t max_kept_bytes = std::size_t{1} << 20,
                         DeflateBackend backend = deflate_backends().front()) noexcept;
  ~SpareAssembly();

  /// What is kept, or a new one. Throws `std::bad_alloc`.
  [[nodiscard]] std::unique_ptr<Assembly> take();
  /// Keeps it for the next `take`, unless one is kept already.
  void put(std::unique_ptr<Assembly> assembly) noexcept;

  [[nodiscard]] DeflateEngines& engines() noexcept { return engines_; }

 private:
  DeflateEngines engines_;
  std::unique_ptr<Assembly> kept_;
  std::size_t max_kept_bytes_;
};

}  // namespace tidewire::websocket
