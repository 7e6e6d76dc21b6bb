#include <doctest/doctest.h>
#include <tidewire/http/chunk_extensions.h>
#include <string>
#include <string_view>

using namespace tidewire::http;

namespace {

/// Whether a chunk's line may hold this between its size and its CRLF.
bool valid(std::string_view text) {
  auto state = ChunkExtensionState::before_semicolon;
  for (const char c : text) state = advance(state, c);
  return may_end(state);
}

}  // namespace

TEST_SUITE_BEGIN("http chunk extensions");

TEST_CASE("extensions are names, perhaps with a value that is a token or a quoted string") {
  for (const std::string_view text :
       {";a", ";a=b", ";a;b", ";a=b;c=d", ";a=\"\"", ";a=\"b c\"", ";a=\"b; c\"", ";a=\"b=c, d\"", ";a=\"b\";c",
        ";a=\"[]{}()/?@:<>\"", ";!#$%&'*+-.^_`|~=!#$%&'*+-.^_`|~", ";a=\"\t\"", ";a=\"\x80\xff\""}) {
    CAPTURE(text);
    CHECK(valid(text));
  }
}

TEST_CASE("within a quoted string a backslash takes the next byte's meaning away") {
  CHECK(valid(R"(;a="\"")"));
  CHECK(valid(R"(;a="\\")"));
  CHECK(valid(R"(;a="b\;c")"));
  CHECK(valid(";a=\"\\\xe4\""));
  CHECK_FALSE(valid(R"(;a="\")"));
  CHECK_FALSE(valid(R"(;a="\\"")"));
  CHECK_FALSE(valid(";a=\"\\\x01\""));
}

TEST_CASE("white space stands around the separators, and not before the line's end") {
  for (const std::string_view text :
       {" ;a", "\t;a", " \t ; \t a", "; a", ";a ;b", ";a =b", ";a= b", ";a = \"b\" ; c"}) {
    CAPTURE(text);
    CHECK(valid(text));
  }
  for (const std::string_view text : {"", " ", "\t", ";a ", ";a=b ", ";a=\"b\"\t", ";a b", ";a=b c", ";a=\"b\" c"}) {
    CAPTURE(text);
    CHECK_FALSE(valid(text));
  }
}

TEST_CASE("what the grammar does not have is malformed") {
  for (const std::string_view text :
       {"a",          "=a",     "\"a\"",   ";",         ";;a",         ";a;",           ";=a",     ";a=",
        ";a=;b",      ";a==b",  ";a=b=c",  ";a[b=c",    ";a=b[c",      ";a=[",          ";a@b",    ";a,b",
        ";a=b,c",     ";\"a\"", ";a\"b\"", ";a=b\"c\"", ";a=\"b\"c",   ";a=\"b\"\"c\"", ";a=\"b",  ";a\\b",
        ";a=\\\"b\"", ";\xe4",  ";a=\xe4", ";a\x7f",    ";a=\"\x7f\"", ";a=\"\x1f\"",   ";a='b c'"}) {
    CAPTURE(text);
    CHECK_FALSE(valid(text));
  }
  CHECK_FALSE(valid(std::string_view(";a\0", 3)));
  CHECK_FALSE(valid(std::string_view(";a=\"\0\"", 6)));
  CHECK_FALSE(valid(";a=\"b\rc\""));
  CHECK_FALSE(valid(";a=\"b\nc\""));
}

TEST_SUITE_END();
