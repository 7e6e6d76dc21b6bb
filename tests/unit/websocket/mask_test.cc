#include <doctest/doctest.h>
#include <tidewire/websocket/mask.h>
#include <cstdint>
#include <string>
#include <vector>

using namespace tidewire;
using namespace tidewire::websocket;

namespace {

constexpr std::byte guard{0xA5};

std::uint32_t key_of(unsigned a, unsigned b, unsigned c, unsigned d) {
  const std::byte bytes[4] = {static_cast<std::byte>(a), static_cast<std::byte>(b), static_cast<std::byte>(c),
                              static_cast<std::byte>(d)};
  return load_native<std::uint32_t>(bytes);
}

// RFC 6455 section 5.3, to the letter.
std::vector<std::byte> by_definition(Bytes payload, std::uint32_t key) {
  std::byte key_bytes[4];
  std::memcpy(key_bytes, &key, 4);
  std::vector<std::byte> result(payload.begin(), payload.end());
  for (std::size_t i = 0; i < result.size(); ++i) result[i] ^= key_bytes[i % 4];
  return result;
}

std::vector<std::byte> sample(std::size_t size, unsigned seed = 7) {
  std::vector<std::byte> result(size);
  for (std::byte& byte : result) {
    seed = seed * 1664525 + 1013904223;
    byte = static_cast<std::byte>(seed >> 24);
  }
  return result;
}

// Those that this machine has.
std::vector<CpuLevel> levels() {
  std::vector<CpuLevel> result;
  for (const CpuLevel level : {CpuLevel::portable, CpuLevel::base, CpuLevel::avx2, CpuLevel::avx512}) {
    if (level <= cpu_level()) result.push_back(level);
  }
  return result;
}

const std::uint32_t test_key = key_of(0x37, 0xfa, 0x21, 0x3d);

}  // namespace

TEST_CASE("the example of RFC 6455 section 5.7 is unmasked") {
  std::vector<std::byte> payload;
  for (const unsigned value : {0x7fU, 0x9fU, 0x4dU, 0x51U, 0x58U}) payload.push_back(static_cast<std::byte>(value));
  apply_mask(payload, test_key);
  CHECK(as_text(payload) == "Hello");
}

TEST_CASE("masking agrees with its definition at each size and alignment, and writes nothing beside it") {
  for (std::size_t size = 0; size <= 200; ++size) {
    for (std::size_t offset = 0; offset < 17; ++offset) {
      const auto payload = sample(size);
      std::vector<std::byte> space(offset + size + 32, guard);
      std::copy(payload.begin(), payload.end(), space.begin() + static_cast<std::ptrdiff_t>(offset));
      apply_mask({space.data() + offset, size}, test_key);

      std::vector<std::byte> wanted(offset, guard);
      const auto masked = by_definition(payload, test_key);
      wanted.insert(wanted.end(), masked.begin(), masked.end());
      wanted.resize(space.size(), guard);
      if (space != wanted) FAIL_CHECK("size ", size, " offset ", offset);
    }
  }
}

TEST_CASE("copying under a mask agrees with its definition and writes nothing beside it") {
  for (std::size_t size = 0; size <= 200; ++size) {
    const auto payload = sample(size);
    std::vector<std::byte> to(size + 32, guard);
    copy_masked(to.data(), payload, test_key);
    auto wanted = by_definition(payload, test_key);
    wanted.resize(to.size(), guard);
    if (to != wanted) FAIL_CHECK("size ", size);
  }
}

TEST_CASE(
    "masking at every level agrees with its definition at each size and alignment, and writes nothing beside it") {
  for (const CpuLevel level : levels()) {
    CAPTURE(name_of(level));
    for (std::size_t size = 0; size <= 300; ++size) {
      const auto payload = sample(size);
      const auto masked = by_definition(payload, test_key);
      for (std::size_t offset = 0; offset < 64; ++offset) {
        std::vector<std::byte> space(offset + size + 64, guard);
        std::copy(payload.begin(), payload.end(), space.begin() + static_cast<std::ptrdiff_t>(offset));
        std::vector<std::byte> aside(space.size(), guard);
        copy_masked(aside.data() + offset, {space.data() + offset, size}, test_key, level);
        copy_masked(space.data() + offset, {space.data() + offset, size}, test_key, level);

        std::vector<std::byte> wanted(offset, guard);
        wanted.insert(wanted.end(), masked.begin(), masked.end());
        wanted.resize(space.size(), guard);
        if (space != wanted) FAIL_CHECK("in place: size ", size, " offset ", offset);
        if (aside != wanted) FAIL_CHECK("aside: size ", size, " offset ", offset);
      }
    }
  }
}

TEST_CASE("a large payload is masked as by its definition") {
  for (const std::size_t size : {1023U, 1024U, 1025U, 4096U, 16'384U, 100'003U}) {
    auto payload = sample(size);
    const auto wanted = by_definition(payload, test_key);
    apply_mask(payload, test_key);
    if (payload != wanted) FAIL_CHECK("size ", size);
  }
}

TEST_CASE("short masking agrees with its definition and writes nothing beside it") {
  for (std::size_t size = 0; size <= 32; ++size) {
    const auto payload = sample(size);
    std::vector<std::byte> space(size + 32, guard);
    std::copy(payload.begin(), payload.end(), space.begin());
    (void)apply_mask_short(space.data(), size, test_key);
    auto wanted = by_definition(payload, test_key);
    wanted.resize(space.size(), guard);
    if (space != wanted) FAIL_CHECK("size ", size);
  }
}

TEST_CASE("short masking tells whether the result is ASCII") {
  for (std::size_t size = 0; size <= 32; ++size) {
    auto ascii = by_definition(as_bytes(std::string(size, '~')), test_key);
    CAPTURE(size);
    CHECK_FALSE(apply_mask_short(ascii.data(), size, test_key));
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'a');
      text[at] = static_cast<char>(0x80);
      auto masked = by_definition(as_bytes(text), test_key);
      if (!apply_mask_short(masked.data(), size, test_key)) FAIL_CHECK("size ", size, " at ", at);
    }
  }
}

TEST_CASE("a payload in two pieces is masked as one, with the key rotated in between") {
  const auto payload = sample(100);
  for (std::size_t split = 0; split <= payload.size(); ++split) {
    auto pieces = payload;
    const MutableBytes all(pieces);
    apply_mask(all.first(split), test_key);
    apply_mask(all.subspan(split), rotate_key(test_key, split));
    if (pieces != by_definition(payload, test_key)) FAIL_CHECK("split ", split);
  }
}

TEST_CASE("rotating by four is rotating by none") {
  CHECK(rotate_key(test_key, 4) == test_key);
  CHECK(rotate_key(test_key, 1) == key_of(0xfa, 0x21, 0x3d, 0x37));
  CHECK(rotate_key(rotate_key(test_key, 3), 6) == rotate_key(test_key, 9));
}
