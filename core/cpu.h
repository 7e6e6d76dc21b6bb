#pragma once

#include <tidewire/core/export.h>
#include <cstdint>

namespace tidewire {

/// Which instructions a routine over many bytes may use. A higher level has all that the lower ones have.
///
/// The library is compiled for any CPU of its architecture. Routines that gain by newer instructions exist in
/// several forms, and ask `cpu_level()` when there is enough to do. That they also take a level is for tests and
/// measurements, which go through all that the machine has.
enum class CpuLevel : std::uint8_t {
  portable,  ///< Words of eight bytes; on every machine.
  base,      ///< What each CPU of the architecture has: SSE2 on x86-64, NEON on ARM64, nothing elsewhere.
  avx2,      ///< x86-64: AVX2.
  avx512,    ///< x86-64: AVX-512 with VBMI, which came after the CPUs that slow down for 512-bit instructions.
};

/// The highest level that this machine's CPU and system have. Costs a few loads, takes no lock and may be called at
/// any time from any thread, also while static objects are being initialised.
[[nodiscard]] TIDEWIRE_API CpuLevel cpu_level() noexcept;

/// The level's name as above, for logs and tests.
[[nodiscard]] TIDEWIRE_API const char* name_of(CpuLevel level) noexcept;

}  // namespace tidewire
