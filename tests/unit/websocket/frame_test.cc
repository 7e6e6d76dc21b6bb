#include <doctest/doctest.h>
#include <tidewire/websocket/frame.h>
#include <vector>

using namespace tidewire;
using namespace tidewire::websocket;

namespace {

using Status = HeaderParse::Status;

std::vector<std::byte> bytes(std::initializer_list<unsigned> values) {
  std::vector<std::byte> result;
  for (const unsigned value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

HeaderParse parse(std::initializer_list<unsigned> values, FrameRules rules = {}) {
  return parse_header(bytes(values), rules);
}

constexpr FrameRules as_client{.receiver = Role::client};
constexpr FrameRules with_rsv1{.allow_rsv1 = true};

}  // namespace

TEST_CASE("a masked header of a short frame is read") {
  const auto parsed = parse({0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f});
  REQUIRE(parsed.status == Status::complete);
  CHECK(parsed.header_bytes == 6);
  CHECK(parsed.header.opcode == Opcode::text);
  CHECK(parsed.header.fin);
  CHECK_FALSE(parsed.header.rsv1);
  CHECK(parsed.header.masked);
  CHECK(parsed.header.payload_bytes == 5);
  CHECK(parsed.header.masking_key == load_native<std::uint32_t>(bytes({0x37, 0xfa, 0x21, 0x3d}).data()));
}

TEST_CASE("a header with a length of 16 bits is read") {
  const auto parsed = parse({0x02, 0x7E, 0x01, 0x00}, as_client);
  REQUIRE(parsed.status == Status::complete);
  CHECK(parsed.header_bytes == 4);
  CHECK(parsed.header.opcode == Opcode::binary);
  CHECK_FALSE(parsed.header.fin);
  CHECK(parsed.header.payload_bytes == 256);
}

TEST_CASE("a header with a length of 64 bits is read") {
  const auto parsed = parse({0x82, 0x7F, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, as_client);
  REQUIRE(parsed.status == Status::complete);
  CHECK(parsed.header_bytes == 10);
  CHECK(parsed.header.payload_bytes == 0x7FFFFFFFFFFFFFFF);
}

TEST_CASE("every beginning of a good header asks for more") {
  const auto whole = bytes({0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK(parse_header(Bytes(whole).first(size), {}).status == Status::need_more);
  }
  CHECK(parse_header(whole, {}).status == Status::complete);
}

TEST_CASE("a frame of the wrong masking is a violation, as soon as its bit is there") {
  CHECK(parse({0x81, 0x05}).status == Status::violation);
  CHECK(parse({0x81, 0x85}, as_client).status == Status::violation);
}

TEST_CASE("reserved opcodes are a violation of the first byte") {
  for (const unsigned opcode : {3U, 4U, 5U, 6U, 7U, 11U, 12U, 13U, 14U, 15U}) {
    CAPTURE(opcode);
    CHECK(parse({0x80 | opcode}).status == Status::violation);
  }
}

TEST_CASE("RSV bits are a violation on every opcode") {
  for (const unsigned opcode : {0U, 1U, 2U, 8U, 9U, 10U}) {
    for (const unsigned bits : {0x40U, 0x20U, 0x10U, 0x70U}) {
      CAPTURE(opcode);
      CAPTURE(bits);
      CHECK(parse({0x80 | bits | opcode}).status == Status::violation);
    }
  }
}

TEST_CASE("RSV1 is allowed to an extension on the first frame of a message alone") {
  for (const unsigned opcode : {1U, 2U}) {
    const auto parsed = parse({0xC0 | opcode, 0x80, 0, 0, 0, 0}, with_rsv1);
    REQUIRE(parsed.status == Status::complete);
    CHECK(parsed.header.rsv1);
  }
  for (const unsigned opcode : {0U, 8U, 9U, 10U}) {
    CAPTURE(opcode);
    CHECK(parse({0xC0 | opcode}, with_rsv1).status == Status::violation);
  }
  CHECK(parse({0xE1}, with_rsv1).status == Status::violation);
  CHECK(parse({0xD1}, with_rsv1).status == Status::violation);
}

TEST_CASE("control frames that are fragmented are a violation") {
  for (const unsigned opcode : {8U, 9U, 10U}) {
    CAPTURE(opcode);
    CHECK(parse({opcode}).status == Status::violation);
  }
}

TEST_CASE("control frames of more than 125 bytes are a violation before their length is there") {
  for (const unsigned opcode : {8U, 9U, 10U}) {
    CAPTURE(opcode);
    CHECK(parse({0x80 | opcode, 0xFE}).status == Status::violation);
    CHECK(parse({0x80 | opcode, 0xFF}).status == Status::violation);
    CHECK(parse({0x80 | opcode, 0xFD, 1, 2, 3, 4}).status == Status::complete);
  }
}

TEST_CASE("lengths not in their shortest form are a violation") {
  CHECK(parse({0x82, 0xFE, 0, 125}).status == Status::violation);
  CHECK(parse({0x82, 0xFE, 0, 0}).status == Status::violation);
  CHECK(parse({0x82, 0xFE, 0, 126, 1, 2, 3, 4}).status == Status::complete);
  CHECK(parse({0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}).status == Status::violation);
  CHECK(parse({0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0, 1}).status == Status::violation);
  CHECK(parse({0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4}).status == Status::complete);
}

TEST_CASE("a length with the top bit set is a violation") {
  CHECK(parse({0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0}).status == Status::violation);
  CHECK(parse({0x82, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}).status == Status::violation);
}

TEST_CASE("a violation says what it is") {
  CHECK(parse({0x81, 0x05}).detail == "unmasked frame from a client");
  CHECK(parse({0x81, 0x85}, as_client).detail == "masked frame from a server");
}

TEST_CASE("headers are written in their shortest form and read back") {
  for (const std::uint64_t size : {0ULL, 1ULL, 125ULL, 126ULL, 65535ULL, 65536ULL, 0x7FFFFFFFFFFFFFFFULL}) {
    for (const Opcode opcode : {Opcode::continuation, Opcode::text, Opcode::binary}) {
      for (const bool masked : {false, true}) {
        CAPTURE(size);
        const FrameHeader header{
            .opcode = opcode, .fin = !masked, .masked = masked, .masking_key = 0x12345678, .payload_bytes = size};
        std::byte buffer[max_header_bytes];
        const std::size_t written = encode_header(header, buffer);
        CHECK(written == (size <= 125 ? 2U : size <= 65535 ? 4U : 10U) + (masked ? 4U : 0U));
        const auto parsed = parse_header({buffer, written}, {.receiver = masked ? Role::server : Role::client});
        REQUIRE(parsed.status == Status::complete);
        CHECK(parsed.header_bytes == written);
        CHECK(parsed.header.opcode == opcode);
        CHECK(parsed.header.fin == header.fin);
        CHECK(parsed.header.payload_bytes == size);
        if (masked) CHECK(parsed.header.masking_key == 0x12345678);
      }
    }
  }
}

TEST_CASE("RSV1 is written where it is asked for") {
  std::byte buffer[max_header_bytes];
  (void)encode_header({.opcode = Opcode::text, .rsv1 = true, .payload_bytes = 1}, buffer);
  CHECK(std::to_integer<unsigned>(buffer[0]) == 0xC1);
}
