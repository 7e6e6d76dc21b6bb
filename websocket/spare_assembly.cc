#include <tidewire/websocket/assembly.h>
#include <tidewire/websocket/spare_assembly.h>
#include <algorithm>
#include <utility>

namespace tidewire::websocket {
namespace {

// What inflating takes beyond the limit: the byte that shows that there is more, and the rest of a step.
constexpr std::size_t step_bytes = 4096;

}  // namespace

SpareAssembly::SpareAssembly(std::size_t max_message_bytes, DeflateBackend backend) noexcept : engines_(backend) {
  keep_up_to(max_message_bytes);
}
SpareAssembly::~SpareAssembly() = default;

void SpareAssembly::keep_up_to(std::size_t max_message_bytes) noexcept {
  max_kept_bytes_ = std::max(max_kept_bytes_, std::min(max_message_bytes, most_kept_bytes) + step_bytes);
}

std::unique_ptr<Assembly> SpareAssembly::take() { return kept_ ? std::move(kept_) : std::make_unique<Assembly>(); }

void SpareAssembly::put(std::unique_ptr<Assembly> assembly) noexcept {
  put_payload(std::move(assembly->payload));
  if (kept_) return;
  assembly->reset();
  kept_ = std::move(assembly);
}

void SpareAssembly::put_payload(Buffer&& payload) noexcept {
  if (payload.capacity() <= payload_.capacity() || payload.capacity() > max_kept_bytes_) return payload.release();
  payload.clear();
  payload_ = std::move(payload);
}

}  // namespace tidewire::websocket
