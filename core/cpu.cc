#include <tidewire/core/cpu.h>
#include <cstddef>

namespace tidewire {

CpuLevel cpu_level() noexcept {
#if defined(__x86_64__)
  // The compiler's own table, which is filled before any constructor runs and knows whether the system saves the
  // wide registers. So there is nothing to keep here.
  if (__builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512bw")) return CpuLevel::avx512;
  if (__builtin_cpu_supports("avx2")) return CpuLevel::avx2;
#endif
  return CpuLevel::base;
}

const char* name_of(CpuLevel level) noexcept {
  constexpr const char* names[] = {"portable", "base", "avx2", "avx512"};
  return names[static_cast<std::size_t>(level)];
}

}  // namespace tidewire
