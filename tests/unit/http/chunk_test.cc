#include <doctest/doctest.h>
#include <tidewire/http/chunk.h>
#include <limits>

using namespace tidewire;
using namespace tidewire::http;

TEST_CASE("a chunk's size is hexadecimal without leading zeros") {
  CHECK(ChunkHeader(1).text() == "1\r\n");
  CHECK(ChunkHeader(0x1a2b).text() == "1a2b\r\n");
  CHECK(ChunkHeader(std::numeric_limits<std::uint64_t>::max()).text() == "ffffffffffffffff\r\n");
}

TEST_CASE("a chunk is its size, its content and a line's end") {
  Buffer out;
  write_chunk(out, as_bytes("hello, world"));
  CHECK(as_text(out.view()) == "c\r\nhello, world\r\n");
}

TEST_CASE("an empty piece of content writes no chunk, which would end the body") {
  Buffer out;
  write_chunk(out, {});
  CHECK(out.empty());
}

TEST_CASE("the last chunk carries the trailer fields") {
  Buffer out;
  FieldLines trailers;
  write_last_chunk(out, trailers);
  CHECK(as_text(out.view()) == last_chunk);
  out.clear();
  CHECK(trailers.set("Digest", "abc"));
  write_last_chunk(out, trailers);
  CHECK(as_text(out.view()) == "0\r\nDigest: abc\r\n\r\n");
}
