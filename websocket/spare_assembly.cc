#include <tidewire/websocket/assembly.h>
#include <tidewire/websocket/spare_assembly.h>
#include <utility>

namespace tidewire::websocket {

SpareAssembly::SpareAssembly(std::size_t max_kept_bytes, DeflateBackend backend) noexcept
    : engines_(backend), max_kept_bytes_(max_kept_bytes) {}
SpareAssembly::~SpareAssembly() = default;

std::unique_ptr<Assembly> SpareAssembly::take() { return kept_ ? std::move(kept_) : std::make_unique<Assembly>(); }

void SpareAssembly::put(std::unique_ptr<Assembly> assembly) noexcept {
  if (kept_) return;
  assembly->reset();
  if (assembly->payload.capacity() > max_kept_bytes_) assembly->payload.release();
  kept_ = std::move(assembly);
}

}  // namespace tidewire::websocket
