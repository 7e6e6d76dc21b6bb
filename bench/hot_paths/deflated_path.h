#pragma once

#include <tidewire/bench/offer.h>
#include <tidewire/bench/path.h>
#include <memory>
#include <string_view>

namespace tidewire::bench {

/// Echoes of 1 KiB of JSON, compressed both ways, one after the other. A round has as many as there are different
/// texts. The target is one of the scene's that compress.
[[nodiscard]] std::unique_ptr<Path> deflated_path(Offer offer, std::string_view target);

}  // namespace tidewire::bench
