#include <doctest/doctest.h>
#include <support/inflate_definition.h>
#include <support/json_text.h>
#include <support/noise.h>
#include <tidewire/websocket/deflate.h>
#include <tidewire/websocket/deflate_block.h>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace tidewire;
using namespace tidewire::websocket;
using namespace tidewire::websocket::detail;

namespace {

/// Blocks one behind the other, and the text that they say.
class Written {
 public:
  void literal(char c) {
    block_.add_literal(static_cast<std::byte>(c));
    text_ += c;
  }
  void literals(std::string_view text) {
    for (const char c : text) {
      if (full()) end_block();
      literal(c);
    }
  }
  void match(unsigned length, unsigned distance) {
    block_.add_match(length, distance);
    for (unsigned i = 0; i < length; ++i) text_ += text_[text_.size() - distance];
  }
  [[nodiscard]] bool full() const { return block_.is_full(); }

  /// How many bytes it took, after which come those of a marker.
  std::size_t end_block() {
    const std::byte* const before = writer_.end();
    block_.write(writer_, as_bytes(text_).subspan(written_));
    CHECK(block_.empty());
    written_ = text_.size();
    return static_cast<std::size_t>(writer_.end() - before);
  }

  /// Whether it is what was meant, by the definition and by each back end.
  void check() {
    write_sync_marker(writer_);
    const Bytes bytes = Bytes(memory_).first(static_cast<std::size_t>(writer_.end() - memory_.data()));
    const auto inflated = support::inflate_by_definition(bytes);
    CHECK(inflated.good);
    CHECK(inflated.complete_codes);
    CHECK(inflated.usual_headers);
    CHECK_FALSE(inflated.final_block);
    CHECK(inflated.text == text_);
    for (const DeflateBackend backend : deflate_backends()) {
      DeflateEngines engines(backend);
      Inflater inflater(engines, {});
      std::vector<std::byte> out(text_.size() + 1);
      Bytes rest = bytes.first(bytes.size() - 4);
      const auto [produced, state] = inflater.inflate(rest, true, out);
      CHECK(state == InflateState::complete);
      CHECK(as_text(Bytes(out).first(produced)) == text_);
    }
  }

 private:
  std::vector<std::byte> memory_ = std::vector<std::byte>(std::size_t{1} << 20);
  BitWriter writer_{memory_.data()};
  DeflateBlock block_;
  std::string text_;
  std::size_t written_ = 0;
};

}  // namespace

TEST_CASE("bits are packed from the lowest up") {
  std::byte memory[32];
  BitWriter writer(memory);
  writer.put(0b1, 1);
  writer.put(0b01, 2);
  writer.put(0xABC, 12);
  CHECK(writer.end() == memory);
  writer.flush();
  CHECK(writer.waiting() == 7);
  writer.put(0, 0);
  writer.align();
  writer.put_bytes(as_bytes("end"));
  REQUIRE(writer.end() == memory + 5);
  CHECK(std::to_integer<unsigned>(memory[0]) == ((0xABCU << 3 | 0b011U) & 0xFF));
  CHECK(std::to_integer<unsigned>(memory[1]) == 0xABCU >> 5);
  CHECK(as_text(Bytes(memory).subspan(2, 3)) == "end");
  // As many as may wait.
  writer.put(0x7F, 7);
  writer.flush();
  writer.put((std::uint64_t{1} << 56) - 1, 56);
  writer.flush();
  CHECK(writer.waiting() == 7);
  writer.align();
  CHECK(writer.end() == memory + 13);
  CHECK(memory[12] == std::byte{0x7F});
  for (std::size_t i = 5; i < 12; ++i) CHECK(memory[i] == std::byte{0xFF});
}

TEST_CASE("an empty block is three bytes fewer than its marker says") {
  std::byte memory[16];
  BitWriter writer(memory);
  write_sync_marker(writer);
  REQUIRE(writer.end() == memory + 5);
  CHECK(as_text(Bytes(memory).first(5)) == std::string_view("\0\0\0\xFF\xFF", 5));
}

TEST_CASE("each length and each distance can be said") {
  Written written;
  written.literals(support::noise(40'000));
  written.end_block();
  std::mt19937 random(2);
  for (unsigned length = min_match_bytes; length <= max_match_bytes; ++length) {
    written.match(length, static_cast<unsigned>(1 + random() % 32768));
  }
  written.end_block();
  for (unsigned bits = 0; bits <= 15; ++bits) {
    for (const unsigned distance : {(1U << bits) - 1, 1U << bits, (1U << bits) + 1, 3U << bits >> 1}) {
      if (distance >= 1 && distance <= 32768) written.match(3 + distance % 256, distance);
    }
  }
  written.end_block();
  written.check();
}

TEST_CASE("of the three kinds of block the shortest is taken") {
  Written written;
  // Fixed codes for what is short, codes of its own for what is long, none for noise: 5 bytes and what is left of one.
  written.literals("Hello");
  CHECK(written.end_block() <= 7);
  const std::string json = support::json_text(2000);
  written.literals(json);
  CHECK(written.end_block() < json.size() * 3 / 4);
  written.literals(support::noise(2000));
  CHECK(written.end_block() <= 2006);
  written.check();
}

TEST_CASE("blocks without a match, with matches alone, with one distance, and with nothing can be read") {
  for (int kind = 0; kind < 4; ++kind) {
    CAPTURE(kind);
    Written written;
    if (kind != 3) written.literals("ab");
    if (kind == 0) {
      for (int i = 0; i < 3000; ++i) written.literal("abcdefghijk"[i * i % 11]);
    }
    if (kind == 1) {
      written.end_block();
      for (unsigned i = 0; i < 300; ++i) written.match(3 + i % 7, 1 + i % 50 % (2 + i));
    }
    if (kind == 2) {
      for (unsigned i = 0; i < 300; ++i) written.match(3 + i % 30, 2);
    }
    written.end_block();
    written.check();
  }
}

TEST_CASE("a block that is full can still be written, and the next is as good as new") {
  Written written;
  std::mt19937 random(3);
  for (int block = 0; block < 3; ++block) {
    std::size_t tokens = 0;
    for (; !written.full(); ++tokens) {
      if (tokens > 10 && random() % 2 == 0) {
        written.match(static_cast<unsigned>(3 + random() % 256), static_cast<unsigned>(1 + random() % 10));
      } else {
        written.literal(static_cast<char>(random()));
      }
    }
    CHECK(tokens == DeflateBlock::max_tokens - 1);
    written.end_block();
  }
  written.check();
}

TEST_CASE("codes as deep as they may be can be read") {
  // Each byte twice as often as the one before: Huffman's best would have more than 15 bits.
  Written written;
  std::size_t left = DeflateBlock::max_tokens - 2;
  std::size_t one = 1, other = 1;
  for (char c = 'a'; left > other; ++c) {
    written.literals(std::string(one, c));
    left -= one;
    one = std::exchange(other, one + other);
  }
  written.end_block();
  written.check();
}
