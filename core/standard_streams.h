#pragma once

#include <tidewire/core/export.h>
#include <array>

namespace tidewire {

/// The numbers below this are the standard streams'. A process may have closed them (a daemon does), and the system
/// gives out the lowest number that is free: a connection could get number 2, and with it all that is logged.
inline constexpr int standard_streams = 3;

/// Takes over a descriptor, or -1, that was just made, and returns one that is none of the standard streams: the same
/// one, or a copy with close-on-exec set, in whose place the first is closed. -1 and errno if there is no number left.
[[nodiscard]] TIDEWIRE_API int above_standard_streams(int descriptor) noexcept;

/// While it exists, closed standard streams are held open (by /dev/null), for code that makes descriptors which cannot
/// be moved. They are closed again afterwards.
class HeldStandardStreams {
 public:
  HeldStandardStreams() noexcept;
  ~HeldStandardStreams();
  HeldStandardStreams(const HeldStandardStreams&) = delete;
  HeldStandardStreams& operator=(const HeldStandardStreams&) = delete;

 private:
  std::array<bool, standard_streams> held_{};
};

}  // namespace tidewire
