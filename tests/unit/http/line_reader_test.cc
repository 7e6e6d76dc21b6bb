#include <doctest/doctest.h>
#include <tidewire/http/line_reader_internal.h>
#include <string>
#include <vector>

using namespace tidewire::http;
using namespace tidewire::http::detail;

namespace {

// Reads the fields of a text that comes in two pieces, and writes them down.
std::string read(const std::string& text, std::size_t first_piece) {
  HeadPosition position;
  std::vector<FieldSlices> fields;
  const auto take = [](std::string_view, std::string_view) { return Problem{}; };
  Progress progress;
  for (const std::size_t size : {first_piece, text.size()}) {
    LineReader reader(std::string_view(text).substr(0, size), position);
    if (!reader.has_news()) {
      progress = reader.wait();
      continue;
    }
    progress = reader.read_fields(fields, 3, take);
    if (progress.kind != Progress::Kind::need_more) break;
  }
  if (progress.kind == Progress::Kind::error) return "error " + std::to_string(code_of(progress.status));
  std::string seen;
  for (const Field field : Fields(text.data(), fields)) seen.append(field.name).append("=").append(field.value) += ';';
  return seen + (progress.kind == Progress::Kind::complete ? std::to_string(progress.consumed) : "more");
}

void check_every_cut(const std::string& text, std::string_view expected) {
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    CAPTURE(text);
    CAPTURE(cut);
    CHECK(read(text, cut) == expected);
  }
}

}  // namespace

TEST_CASE("lines are read up to the empty one, however they are cut") {
  check_every_cut("A: 1\r\nB:\t2 \r\n\r\nrest", "A=1;B=2;15");
  check_every_cut("\r\nrest", "2");
  check_every_cut("Sixteen--Letters: 1\r\nX_Y1: 2\r\n\r\n", "Sixteen--Letters=1;X_Y1=2;32");
}

TEST_CASE("white space around a value is no part of it, whatever it is of") {
  check_every_cut("A:\r\nB: \r\nC:\t \t\r\n\r\n", "A=;B=;C=;18");
  check_every_cut("A:1\t\r\nB: \t1\t2  \r\nC:  \xff \r\n\r\n", "A=1;B=1\t2;C=\xff;27");
}

TEST_CASE("lines without an end need more") {
  check_every_cut("A: 1\r\nB: 2", "A=1;more");
  check_every_cut("A: 1\r\n\r", "A=1;more");
}

TEST_CASE("a broken line is an error once it is whole, and not before") {
  check_every_cut("A : 1", "more");
  check_every_cut("A : 1\r\n", "error 400");
  check_every_cut("A: 1\rB", "more");
  check_every_cut("A: 1\rB\n", "error 400");
  check_every_cut("A: 1\nB: 2\r\n", "error 400");
  check_every_cut("A: 1\tB\x7f\r\n", "error 400");
  check_every_cut("A\r\n", "error 400");
  check_every_cut("A:\n", "error 400");
  check_every_cut(": 1\r\n", "error 400");
}

TEST_CASE("a field too many is an error") { check_every_cut("A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n", "error 431"); }

TEST_CASE("a field that its taker refuses ends the reading with the taker's error") {
  const std::string text = "A: 1\r\nB: 2\r\n\r\n";
  HeadPosition position;
  std::vector<FieldSlices> fields;
  LineReader reader(text, position);
  const Progress progress = reader.read_fields(fields, 10, [](std::string_view name, std::string_view value) {
    return name == "B" && value == "2" ? Problem{"no", Status::not_implemented} : Problem{};
  });
  CHECK(progress.kind == Progress::Kind::error);
  CHECK(progress.status == Status::not_implemented);
  CHECK(progress.detail == std::string_view("no"));
}
