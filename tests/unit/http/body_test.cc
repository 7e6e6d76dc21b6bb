#include <doctest/doctest.h>
#include <tidewire/http/body.h>
#include <algorithm>
#include <memory>
#include <string>

using namespace tidewire;
using namespace tidewire::http;

namespace {

using Kind = BodyEvent::Kind;

struct Decoded {
  Kind end = Kind::need_more;
  int status = 0;
  std::string content;
  std::string rest;
  std::string trailers;
};

// Gives a decoder the text in pieces of `piece` bytes, each in memory of its own.
Decoded decode(std::string_view text, Framing framing, const BodyLimits& limits = {}, std::size_t piece = 0) {
  Decoded decoded;
  BodyDecoder decoder(framing, limits);
  if (piece == 0) piece = text.size() + 1;
  std::string left;
  do {
    left += text.substr(0, piece);
    text.remove_prefix(std::min(piece, text.size()));
    for (;;) {
      const auto bytes = std::make_unique<char[]>(left.size());
      left.copy(bytes.get(), left.size());
      const BodyEvent event = decoder.next(as_bytes({bytes.get(), left.size()}));
      decoded.content += as_text(event.data);
      left.erase(0, event.consumed);
      decoded.end = event.kind;
      decoded.status = event.kind == Kind::error ? code_of(event.status) : 0;
      if (event.kind == Kind::data) continue;
      break;
    }
  } while (decoded.end == Kind::need_more && !text.empty());
  decoded.rest = left + std::string(text);
  for (const Field field : decoder.trailers())
    decoded.trailers.append(field.name).append("=").append(field.value).append(";");
  return decoded;
}

Decoded chunked(std::string_view text, const BodyLimits& limits = {}) {
  const Decoded whole = decode(text, {Framing::Kind::chunked}, limits);
  for (std::size_t piece = 1; piece <= 5; ++piece) {
    const Decoded cut = decode(text, {Framing::Kind::chunked}, limits, piece);
    CAPTURE(piece);
    CAPTURE(text);
    CHECK(cut.end == whole.end);
    CHECK(cut.status == whole.status);
    CHECK(cut.content == whole.content);
    CHECK(cut.trailers == whole.trailers);
    if (whole.end == Kind::done) CHECK(cut.rest == whole.rest);
  }
  return whole;
}

}  // namespace

TEST_CASE("no body is done at once") {
  CHECK(decode("next", {}).end == Kind::done);
  CHECK(decode("next", {Framing::Kind::length, 0}).rest == "next");
}

TEST_CASE("a length is counted, and what follows is left") {
  for (std::size_t piece = 0; piece < 6; ++piece) {
    const Decoded decoded = decode("hello, worldnext", {Framing::Kind::length, 12}, {}, piece);
    CHECK(decoded.end == Kind::done);
    CHECK(decoded.content == "hello, world");
    CHECK(decoded.rest == "next");
  }
}

TEST_CASE("a body that is shorter than its length needs more") {
  BodyDecoder decoder({Framing::Kind::length, 10});
  CHECK(decoder.next(as_bytes("abc")).kind == Kind::data);
  CHECK(decoder.next({}).kind == Kind::need_more);
  CHECK(decoder.received_bytes() == 3);
  CHECK(decoder.remaining_bytes() == 7);
  CHECK_FALSE(decoder.finish());
}

TEST_CASE("content is delivered in place") {
  const std::string text = "5\r\nhello\r\n0\r\n\r\n";
  BodyDecoder decoder({Framing::Kind::chunked});
  const BodyEvent event = decoder.next(as_bytes(text));
  CHECK(event.kind == Kind::data);
  CHECK(as_text(event.data).data() == text.data() + 3);
  CHECK(event.consumed == 8);
}

TEST_CASE("a length over the limit is 413 before any content") {
  BodyLimits limits;
  limits.max_body_bytes = 10;
  CHECK(decode("", {Framing::Kind::length, 11}, limits).status == 413);
  CHECK(decode("0123456789", {Framing::Kind::length, 10}, limits).end == Kind::done);
}

TEST_CASE("a body until close ends with the connection") {
  BodyDecoder decoder({Framing::Kind::until_close});
  CHECK(decoder.next(as_bytes("abc")).kind == Kind::data);
  CHECK(decoder.next({}).kind == Kind::need_more);
  CHECK(decoder.finish());
}

TEST_CASE("a body until close that exceeds the limit is 413, however it is cut") {
  BodyLimits limits;
  limits.max_body_bytes = 4;
  for (std::size_t piece = 0; piece < 6; ++piece) {
    const Decoded decoded = decode("01234", {Framing::Kind::until_close}, limits, piece);
    CHECK(decoded.status == 413);
    CHECK(decoded.content == "0123");
  }
}

TEST_CASE("chunks are put together") {
  const Decoded decoded = chunked("5\r\nhello\r\n7\r\n, world\r\n00\r\n\r\nnext");
  CHECK(decoded.end == Kind::done);
  CHECK(decoded.content == "hello, world");
  CHECK(decoded.rest == "next");
}

TEST_CASE("a chunk's size is hexadecimal in either case, up to 16 digits") {
  CHECK(chunked("a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n").end == Kind::done);
  CHECK(chunked("0000000000000001\r\nx\r\n0\r\n\r\n").end == Kind::done);
  CHECK(chunked("00000000000000001\r\nx\r\n0\r\n\r\n").status == 400);
}

TEST_CASE("a chunk's size that is not a plain hexadecimal number is 400") {
  for (const std::string_view size :
       {"", "g", "5g", "+5", "-5", "0x5", " 5", "5 ", "5\t", "5,", "5.", "5:", "5\n5", "5=", "5\"\"", "5 5"}) {
    CAPTURE(size);
    CHECK(chunked(std::string(size) + "\r\nhello\r\n0\r\n\r\n").status == 400);
  }
}

TEST_CASE("a chunk's size beyond the limit is 413, and never wraps") {
  CHECK(chunked("100001\r\n").status == 413);
  CHECK(chunked("ffffffffffffffff\r\nx").status == 413);
  CHECK(chunked("8000000000000000\r\nx").status == 413);
  CHECK(chunked("100000005\r\nhello\r\n").status == 413);
  CHECK(chunked("10000000000000005\r\nhello\r\n").status == 400);
  CHECK(chunked("1\r\nx\r\nffffffffffffffff\r\nx").status == 413);
}

TEST_CASE("chunks that exceed the limit together are 413") {
  BodyLimits limits;
  limits.max_body_bytes = 5;
  CHECK(chunked("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", limits).end == Kind::done);
  CHECK(chunked("3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n", limits).status == 413);
}

TEST_CASE("a size's line ends with CRLF") {
  CHECK(chunked("5\nhello\r\n0\r\n\r\n").status == 400);
  CHECK(chunked("5\rhello\r\n0\r\n\r\n").status == 400);
  CHECK(chunked("5\r\r\nhello\r\n0\r\n\r\n").status == 400);
}

TEST_CASE("a chunk's data ends with CRLF") {
  CHECK(chunked("5\r\nhelloX\r\n0\r\n\r\n").status == 400);
  CHECK(chunked("5\r\nhello\n0\r\n\r\n").status == 400);
  CHECK(chunked("5\r\nhello\rX0\r\n\r\n").status == 400);
  CHECK(chunked("5\r\nhello0\r\n\r\n").status == 400);
  CHECK(chunked("4\r\nhello\r\n0\r\n\r\n").status == 400);
}

TEST_CASE("chunk extensions are ignored") {
  for (const std::string_view extension :
       {";name=value;other=\"a;b\"", ";a=\"b; c\"", ";a=\"b\\\"c\"", "; a", " ;a", ";a = b", ";a=\"\xff\""}) {
    CAPTURE(extension);
    const Decoded decoded = chunked("5" + std::string(extension) + "\r\nhello\r\n0;last\r\n\r\n");
    CHECK(decoded.end == Kind::done);
    CHECK(decoded.content == "hello");
  }
}

TEST_CASE("malformed chunk extensions are 400") {
  for (const std::string_view extension :
       {";", "; ", ";;a", ";a;", ";\t", ";a\x01", ";a\x7f", ";a\nb", ";a\rb", ";=a", ";a[b=c", ";a=", ";a ",
        ";a=\"b\" ", ";a=\"b", ";a=\"b\r\nc\"", ";a=\"b\\\r\nc\""}) {
    CAPTURE(extension);
    CHECK(chunked("5" + std::string(extension) + "\r\nhello\r\n0\r\n\r\n").status == 400);
  }
  CHECK(chunked(std::string_view("5;a\0\r\nhello\r\n", 13)).status == 400);
}

TEST_CASE("a chunk line is bounded, ended or not") {
  BodyLimits limits;
  limits.max_chunk_line_bytes = 10;
  CHECK(chunked("5;abcdef\r\nhello\r\n0\r\n\r\n", limits).end == Kind::done);
  CHECK(chunked("5;abcdefg\r\nhello\r\n0\r\n\r\n", limits).status == 400);
  CHECK(chunked("5;" + std::string(1000, 'a')).status == 400);
}

TEST_CASE("chunk extensions are bounded all together") {
  BodyLimits limits;
  limits.max_extension_bytes = 10;
  CHECK(chunked("1;abcde\r\nx\r\n1;abcde\r\nx\r\n0\r\n\r\n", limits).end == Kind::done);
  CHECK(chunked("1;abcde\r\nx\r\n1;abcdef\r\nx\r\n0\r\n\r\n", limits).status == 400);
}

TEST_CASE("trailer fields are read, and not merged with anything") {
  const Decoded decoded = chunked("1\r\nx\r\n0\r\nDigest: abc \r\nX-Other:y\r\n\r\nnext");
  CHECK(decoded.end == Kind::done);
  CHECK(decoded.trailers == "Digest=abc;X-Other=y;");
  CHECK(decoded.rest == "next");
}

TEST_CASE("trailers follow the rules of headers") {
  for (const std::string_view line :
       {"X : a", " folded", "no colon", ": a", "X: a\rb", "X: a\nb", "X: \x01", "X(: a"}) {
    CAPTURE(line);
    CHECK(chunked("0\r\n" + std::string(line) + "\r\n\r\n").status == 400);
  }
  CHECK(chunked("0\r\nX: a\n\r\n").status == 400);
  CHECK(chunked("0\r\n\n").status == 400);
  CHECK(chunked("0\r\n\rX").end == Kind::need_more);
  CHECK(chunked("0\r\n\rX\n").status == 400);
}

TEST_CASE("trailers that would change how the message is read are 400") {
  for (const std::string_view name :
       {"Transfer-Encoding", "content-length", "HOST", "Connection", "Trailer", "TE", "Upgrade", "Authorization",
        "Cookie", "Set-Cookie", "Content-Type", "Content-Encoding", "Expect", "If-Match", "If-None-Match", "Range"}) {
    CAPTURE(name);
    CHECK(chunked("0\r\n" + std::string(name) + ": 5\r\n\r\n").status == 400);
  }
  CHECK(chunked("0\r\nIffy: 5\r\n\r\n").end == Kind::done);
}

TEST_CASE("trailers are bounded in number and size") {
  BodyLimits limits;
  limits.max_trailer_fields = 2;
  CHECK(chunked("0\r\nA: 1\r\nB: 2\r\n\r\n", limits).end == Kind::done);
  CHECK(chunked("0\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n", limits).status == 431);
  limits.max_trailer_bytes = 14;
  CHECK(chunked("0\r\nA: 1\r\nB: 2\r\n\r\n", limits).end == Kind::done);
  limits.max_trailer_bytes = 13;
  CHECK(chunked("0\r\nA: 1\r\nB: 2\r\n\r\n", limits).status == 431);
  CHECK(chunked("0\r\nA: " + std::string(10'000, 'x')).status == 431);
}

TEST_CASE("nothing comes out of a decoder that has failed") {
  BodyDecoder decoder({Framing::Kind::chunked});
  CHECK(decoder.next(as_bytes("x")).kind == Kind::error);
  CHECK(decoder.next(as_bytes("1\r\nx\r\n")).kind == Kind::error);
}

TEST_CASE("a decoder is used again") {
  BodyDecoder decoder({Framing::Kind::chunked});
  CHECK(decoder.next(as_bytes("0\r\nA: b\r\n\r\n")).kind == Kind::done);
  CHECK(decoder.trailers().size() == 1);
  decoder.start({Framing::Kind::length, 1}, {});
  CHECK(decoder.trailers().empty());
  CHECK(as_text(decoder.next(as_bytes("x")).data) == "x");
  CHECK(decoder.next({}).kind == Kind::done);
}

TEST_CASE("chunks of one byte are delivered one by one") {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += "1\r\nx\r\n";
  BodyDecoder decoder({Framing::Kind::chunked});
  Bytes input = as_bytes(text);
  std::uint64_t pieces = 0;
  for (;;) {
    const BodyEvent event = decoder.next(input);
    input = input.subspan(event.consumed);
    if (event.kind != Kind::data) break;
    ++pieces;
  }
  CHECK(pieces == 10'000);
  CHECK(decoder.received_bytes() == 10'000);
}
