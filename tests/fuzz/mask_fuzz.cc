#include <tidewire/websocket/mask.h>
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

using namespace tidewire;
using namespace tidewire::websocket;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

// Key, alignment and a split from the first bytes; the rest, repeated, is the payload. Every level, in place, aside
// and in two pieces, agrees with RFC 6455 section 5.3 to the letter.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 8) return 0;
  const Bytes input(reinterpret_cast<const std::byte*>(data), size);
  const auto key = load_native<std::uint32_t>(input.data());
  const std::size_t offset = data[4] % 64;
  const std::size_t times = 1 + data[5] % 32;
  std::vector<std::byte> payload;
  for (std::size_t i = 0; i < times; ++i) payload.insert(payload.end(), input.begin() + 8, input.end());
  std::vector<std::byte> wanted = payload;
  for (std::size_t i = 0; i < wanted.size(); ++i) wanted[i] ^= input[i % 4];
  const std::size_t split = load_native<std::uint16_t>(input.data() + 6) % (payload.size() + 1);

  for (const CpuLevel level : {CpuLevel::portable, CpuLevel::base, CpuLevel::avx2, CpuLevel::avx512}) {
    if (level > cpu_level()) continue;
    constexpr std::byte guard{0xA5};
    std::vector<std::byte> space(offset + payload.size() + 64, guard);
    const auto begin = space.begin() + static_cast<std::ptrdiff_t>(offset);
    const auto end = begin + static_cast<std::ptrdiff_t>(payload.size());
    const MutableBytes place(space.data() + offset, payload.size());
    const auto check = [&] {
      require(std::equal(begin, end, wanted.begin()));
      require(std::all_of(space.begin(), begin, [&](std::byte byte) { return byte == guard; }));
      require(std::all_of(end, space.end(), [&](std::byte byte) { return byte == guard; }));
    };
    copy_masked(place.data(), payload, key, level);
    check();
    std::copy(payload.begin(), payload.end(), begin);
    copy_masked(place.data(), place, key, level);
    check();
    std::copy(payload.begin(), payload.end(), begin);
    copy_masked(place.data(), place.first(split), key, level);
    copy_masked(place.data() + split, place.subspan(split), rotate_key(key, split), level);
    check();
  }

  std::vector<std::byte> chosen = payload;
  apply_mask(chosen, key);
  require(chosen == wanted);
  return 0;
}
