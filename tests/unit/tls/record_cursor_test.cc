#include <doctest/doctest.h>
#include <tidewire/tls/record_cursor.h>
#include <string>

using namespace tidewire;
using tls::RecordCursor;

namespace {

std::string record(std::size_t body, char type = 23) {
  std::string text{type, 3, 3, static_cast<char>(body >> 8), static_cast<char>(body)};
  return text + std::string(body, 'x');
}

}  // namespace

TEST_CASE("a record is read to its end, and no further, in one piece and in any others") {
  const std::string first = record(300);
  const std::string text = first + record(20);
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    CAPTURE(piece);
    RecordCursor cursor;
    cursor.allow_one();
    CHECK(cursor.is_between_records());
    std::size_t taken = 0;
    while (cursor.may_read()) {
      const std::size_t more = cursor.advance(as_bytes(std::string_view(text).substr(taken, piece)));
      REQUIRE(more != 0);
      taken += more;
      CHECK(cursor.is_between_records() == (taken == first.size()));
    }
    CHECK(taken == first.size());
    CHECK(cursor.has_read_one());
  }
}

TEST_CASE("each allowance is for one record, and one without end for all") {
  const std::string text = record(0) + record(16'401) + record(1);
  const Bytes bytes = as_bytes(text);
  RecordCursor cursor;
  std::size_t taken = 0;
  for (const std::size_t body : {std::size_t{0}, std::size_t{16'401}, std::size_t{1}}) {
    cursor.allow_one();
    std::size_t of_this = 0;
    while (cursor.may_read()) of_this += cursor.advance(bytes.subspan(taken + of_this));
    CHECK(of_this == 5 + body);
    taken += of_this;
  }
  cursor.allow_any();
  for (taken = 0; taken < text.size();) taken += cursor.advance(bytes.subspan(taken));
  CHECK(cursor.may_read());
  CHECK_FALSE(cursor.has_read_one());
  CHECK(cursor.is_between_records());
}

TEST_CASE("a record that is cut after its head, or within it, is read in part") {
  const std::string text = record(10);
  for (const std::size_t size : {1U, 4U, 5U, 14U}) {
    RecordCursor cursor;
    cursor.allow_one();
    CHECK(cursor.advance(as_bytes(std::string_view(text).substr(0, size))) == size);
    CHECK_FALSE(cursor.is_between_records());
    CHECK_FALSE(cursor.has_read_one());
  }
}

TEST_CASE("a ClientHello in the form of SSL 2 has its length in its first two bytes") {
  const std::string hello = std::string("\x80\x10\x01\x03\x03", 5) + std::string(13, 'x');
  const std::string text = hello + record(3);
  RecordCursor cursor;
  cursor.allow_one();
  CHECK(cursor.advance(as_bytes(text)) == hello.size());
  CHECK(cursor.has_read_one());
  // One that is shorter than a head is none that OpenSSL takes.
  RecordCursor other;
  other.allow_one();
  CHECK(other.advance(as_bytes(std::string_view("\x80\x01\x01\x03\x03", 5))) == 5);
  CHECK(other.has_read_one());
}
