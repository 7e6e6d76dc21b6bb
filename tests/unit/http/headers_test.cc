#include <doctest/doctest.h>
#include <tidewire/http/headers.h>
#include <initializer_list>
#include <string>
#include <vector>

using namespace tidewire::http;

namespace {

// Fields made of texts, in memory of their own.
class Sample {
 public:
  explicit Sample(std::initializer_list<Field> fields) {
    const auto add = [&](std::string_view text) {
      text_ += text;
      return Slice{static_cast<std::uint32_t>(text_.size() - text.size()), static_cast<std::uint32_t>(text.size())};
    };
    for (const Field& field : fields) {
      const Slice name = add(field.name);
      slices_.push_back({name, add(field.value)});
    }
  }
  Fields fields() const { return {text_.data(), slices_}; }

 private:
  std::string text_;
  std::vector<FieldSlices> slices_;
};

std::vector<std::string> elements(std::string_view value) {
  std::vector<std::string> all;
  for (const std::string_view element : ListElements(value)) all.emplace_back(element);
  return all;
}

}  // namespace

TEST_CASE("a header is found whatever its case, the first of several") {
  const Sample sample{{"Host", "a"}, {"X-One", "1"}, {"x-one", "2"}};
  CHECK(sample.fields().find("x-ONE") == "1");
  CHECK(sample.fields().contains("host"));
  CHECK_FALSE(sample.fields().contains("hos"));
  CHECK(sample.fields().find("absent").empty());
}

TEST_CASE("an empty header is there, an absent one is not") {
  const Sample sample{{"X-Empty", ""}};
  CHECK(sample.fields().contains("x-empty"));
  CHECK(sample.fields().find("x-empty").empty());
}

TEST_CASE("all values of a name come in their order") {
  const Sample sample{{"Accept", "a"}, {"B", "x"}, {"ACCEPT", "b"}, {"accept", "c"}, {"D", "y"}};
  std::string all;
  for (const std::string_view value : sample.fields().values("accept")) all += value;
  CHECK(all == "abc");
  CHECK(sample.fields().values("none").empty());
}

TEST_CASE("fields are iterated as they came") {
  const Sample sample{{"A", "1"}, {"B", "2"}};
  std::string all;
  for (const Field field : sample.fields()) all.append(field.name).append(field.value);
  CHECK(all == "A1B2");
  CHECK(sample.fields().size() == 2);
  CHECK(sample.fields()[1].name == "B");
  CHECK(Fields().empty());
  CHECK(Fields().find("a").empty());
}

TEST_CASE("list elements are split at commas and trimmed") {
  CHECK(elements("a, b\t,c ,d") == std::vector<std::string>{"a", "b", "c", "d"});
  CHECK(elements("one") == std::vector<std::string>{"one"});
  CHECK(elements("a b, c") == std::vector<std::string>{"a b", "c"});
}

TEST_CASE("a comma within a quoted string separates no list elements") {
  CHECK(elements("a=\"b, c\", d") == std::vector<std::string>{"a=\"b, c\"", "d"});
  CHECK(elements("a, \"b,c\",\"d\"") == std::vector<std::string>{"a", "\"b,c\"", "\"d\""});
  CHECK(elements(R"(a="b\", c", d)") == std::vector<std::string>{R"(a="b\", c")", "d"});
  CHECK(elements(R"(a="b\\", c)") == std::vector<std::string>{R"(a="b\\")", "c"});
  CHECK(elements("a=\"b, c, d") == std::vector<std::string>{"a=\"b, c, d"});
  CHECK(elements("a=\"b\\") == std::vector<std::string>{"a=\"b\\"});
  CHECK(elements("a\\, b") == std::vector<std::string>{"a\\", "b"});
  CHECK_FALSE(has_token("x=\"a, close, b\"", "close"));
}

TEST_CASE("empty list elements are skipped") {
  CHECK(elements("").empty());
  CHECK(elements(" , ,, ").empty());
  CHECK(elements(",a,,b,") == std::vector<std::string>{"a", "b"});
}

TEST_CASE("a token is matched whole and without case, not as a substring") {
  CHECK(has_token("keep-alive, Upgrade", "upgrade"));
  CHECK(has_token("UPGRADE", "upgrade"));
  CHECK_FALSE(has_token("no-upgrade", "upgrade"));
  CHECK_FALSE(has_token("upgrade-insecure", "upgrade"));
  CHECK_FALSE(has_token("xupgrade, upgradex", "upgrade"));
  CHECK_FALSE(has_token("up grade", "upgrade"));
  CHECK_FALSE(has_token("\"upgrade\"", "upgrade"));
  CHECK_FALSE(has_token("", "upgrade"));
}

TEST_CASE("a token is found over several field lines") {
  const Sample sample{{"Connection", "keep-alive"}, {"Connection", ""}, {"connection", "close ,Upgrade"}};
  CHECK(has_token(sample.fields().values("connection"), "upgrade"));
  CHECK(has_token(sample.fields().values("connection"), "keep-alive"));
  CHECK_FALSE(has_token(sample.fields().values("connection"), "websocket"));
  CHECK_FALSE(has_token(sample.fields().values("upgrade"), "upgrade"));
}

TEST_CASE("names that differ in length or in a character are not equal") {
  CHECK(equals_ignoring_case("Content-Length", "content-lENGTH"));
  CHECK_FALSE(equals_ignoring_case("a", "ab"));
  CHECK_FALSE(equals_ignoring_case("[", "{"));  // they differ in bit 0x20 alone, and are no letters
  CHECK(equals_ignoring_case("", ""));
}

TEST_CASE("a token has none of the delimiters, no spaces and no bytes above ASCII") {
  CHECK(is_token("Sec-WebSocket-Key"));
  CHECK(is_token("!#$%&'*+-.^_`|~09azAZ"));
  CHECK_FALSE(is_token(""));
  for (const char c : std::string_view("()<>@,;:\\\"/[]?={} \t\r\n\x7f\x80\xff")) {
    CAPTURE(static_cast<int>(c));
    CHECK_FALSE(is_token(std::string("a") + c));
  }
  CHECK_FALSE(is_token(std::string_view("a\0b", 3)));
}

TEST_CASE("a value that would end its line can't be sent") {
  CHECK(is_field_value(""));
  CHECK(is_field_value("text/html; charset=utf-8"));
  CHECK(is_field_value("tab\tinside, and bytes above ASCII \xc3\xa9"));
  for (int c = 0; c < 0x20; ++c) {
    if (c == '\t') continue;
    CAPTURE(c);
    CHECK_FALSE(is_field_value(std::string("some text") + static_cast<char>(c) + "and more of it behind"));
  }
  CHECK_FALSE(is_field_value("a\x7f"));
  CHECK_FALSE(is_field_value("injected\r\nSet-Cookie: a=b"));
}

TEST_CASE("a value with white space around it can't be sent") {
  CHECK_FALSE(is_field_value(" a"));
  CHECK_FALSE(is_field_value("a\t"));
}

TEST_CASE("trimming takes spaces and tabs from both ends and nothing else") {
  CHECK(trim(" \t a b \t") == "a b");
  CHECK(trim(" \t ").empty());
  CHECK(trim("\ra\n") == "\ra\n");
}
