#pragma once

#include <tidewire/core/buffer.h>
#include <tidewire/core/export.h>
#include <tidewire/websocket/deflate.h>
#include <cstddef>
#include <memory>
#include <utility>

namespace tidewire::websocket {

struct Assembly;

/// The memory in which messages are put together that span inputs or are compressed, between two such messages; and
/// what they are compressed and inflated with.
///
/// One serves all the connections of a loop: a connection takes it for as long as it needs it, so that an
/// idle connection holds none and a stream of large messages allocates once. The memory for a payload is lent by
/// itself: a header that is not complete must not hold what the largest message took. It outlives them. One thread at a
/// time.
class TIDEWIRE_API SpareAssembly {
 public:
  /// No more than this is kept for a payload, whatever the limits of the routes are. Memory for a larger message is
  /// allocated for it and freed after it.
  static constexpr std::size_t most_kept_bytes = std::size_t{16} << 20;

  /// Keeps the memory for a payload of up to `max_message_bytes`, as `keep_up_to`.
  explicit SpareAssembly(std::size_t max_message_bytes = std::size_t{1} << 20,
                         DeflateBackend backend = deflate_backends().front()) noexcept;
  ~SpareAssembly();

  /// Messages may have this size: the memory for one of exactly so many bytes is kept, also where it was inflated.
  /// The largest of several calls counts.
  void keep_up_to(std::size_t max_message_bytes) noexcept;

  /// The assembly that is kept, or a new one. It has no memory for a payload. Throws `std::bad_alloc`.
  [[nodiscard]] std::unique_ptr<Assembly> take();
  /// Keeps it for the next `take`, unless one is kept already, and the memory of its payload.
  void put(std::unique_ptr<Assembly> assembly) noexcept;

  /// The memory that is kept for a payload; none if another message has it.
  [[nodiscard]] Buffer take_payload() noexcept { return std::move(payload_); }
  /// Keeps it for the next `take_payload`, unless it is too large, or what is kept is larger.
  void put_payload(Buffer&& payload) noexcept;

  [[nodiscard]] DeflateEngines& engines() noexcept { return engines_; }

 private:
  DeflateEngines engines_;
  std::unique_ptr<Assembly> kept_;
  Buffer payload_;
  std::size_t max_kept_bytes_ = 0;
};

}  // namespace tidewire::websocket
