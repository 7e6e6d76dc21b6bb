#include <doctest/doctest.h>
#include <tidewire/core/bytes.h>
#include <algorithm>
#include <array>
#include <cstdint>

using namespace tidewire;

namespace {

constexpr std::array<std::byte, 9> counting{std::byte{0}, std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4},
                                            std::byte{5}, std::byte{6}, std::byte{7}, std::byte{8}};

}  // namespace

TEST_CASE("text seen as bytes and back is the same text, NUL and high bytes included") {
  const std::string_view text("a\0\xff", 3);
  CHECK(as_bytes(text).size() == 3);
  CHECK(as_text(as_bytes(text)) == text);
}

TEST_CASE("a view of text as bytes views the text and copies nothing") {
  const std::string_view text("tide");
  CHECK(static_cast<const void*>(as_bytes(text).data()) == static_cast<const void*>(text.data()));
}

TEST_CASE("integers load in network byte order, from any address") {
  const std::byte* odd = counting.data() + 1;
  CHECK(load_big_endian<std::uint8_t>(odd) == 0x01);
  CHECK(load_big_endian<std::uint16_t>(odd) == 0x0102);
  CHECK(load_big_endian<std::uint32_t>(odd) == 0x01020304);
  CHECK(load_big_endian<std::uint64_t>(odd) == 0x0102030405060708);
}

TEST_CASE("integers store in network byte order, and touch no byte beyond their size") {
  std::array<std::byte, 6> out{};
  store_big_endian(out.data() + 1, std::uint32_t{0xdeadbeef});
  CHECK(out == std::array<std::byte, 6>{std::byte{0}, std::byte{0xde}, std::byte{0xad}, std::byte{0xbe},
                                        std::byte{0xef}, std::byte{0}});
}

TEST_CASE("a stored 64-bit integer with its top bit set loads unchanged") {
  std::array<std::byte, 8> out{};
  store_big_endian(out.data(), std::uint64_t{0x8000000000000001});
  CHECK(out[0] == std::byte{0x80});
  CHECK(load_big_endian<std::uint64_t>(out.data()) == 0x8000000000000001);
}

TEST_CASE("a native load has the bytes in the order of this machine's memory") {
  const std::uint32_t value = 0x01020304;
  std::array<std::byte, 5> memory{};
  std::memcpy(memory.data() + 1, &value, sizeof value);
  CHECK(load_native<std::uint32_t>(memory.data() + 1) == value);
}

TEST_CASE("bytes of every size are copied, and none behind them is touched") {
  std::array<std::byte, 80> from{};
  for (std::size_t index = 0; index < from.size(); ++index) from[index] = static_cast<std::byte>(index + 1);
  for (std::size_t size = 0; size <= 70; ++size) {
    CAPTURE(size);
    std::array<std::byte, 80> to{};
    copy_bytes(to.data(), Bytes(from).first(size));
    CHECK(std::equal(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(size), to.begin()));
    CHECK(std::all_of(to.begin() + static_cast<std::ptrdiff_t>(size), to.end(),
                      [](std::byte byte) { return byte == std::byte{0}; }));
  }
}
