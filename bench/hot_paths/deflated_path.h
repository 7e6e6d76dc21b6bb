#pragma once

#include <tidewire/bench/offer.h>
#include <tidewire/bench/path.h>
#include <memory>

namespace tidewire::bench {

/// Echoes of 1 KiB of JSON, compressed both ways, one after the other. A round has as many as there are different
/// texts.
[[nodiscard]] std::unique_ptr<Path> deflated_path(Offer offer);

}  // namespace tidewire::bench
