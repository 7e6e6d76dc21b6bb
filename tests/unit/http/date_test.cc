#include <doctest/doctest.h>
#include <tidewire/http/date.h>
#include <ctime>
#include <string>

using namespace tidewire::http;

TEST_CASE("the date of RFC 9110's example") { CHECK(DateText(784111777).text() == "Sun, 06 Nov 1994 08:49:37 GMT"); }

TEST_CASE("the first and the last second") {
  CHECK(DateText(0).text() == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(DateText(253402300799).text() == "Fri, 31 Dec 9999 23:59:59 GMT");
}

TEST_CASE("a time out of range is clamped, and given back as it was") {
  CHECK(DateText(-5).text() == DateText(0).text());
  CHECK(DateText(-5).time() == -5);
  CHECK(DateText(INT64_MAX).text() == DateText(253402300799).text());
}

TEST_CASE("every day of four centuries agrees with the C library") {
  for (std::int64_t day = 0; day < 146097 + 366; ++day) {
    const std::time_t time = day * 86400 + 86399 - day % 86400;
    std::tm parts;
    gmtime_r(&time, &parts);
    char expected[64];
    std::strftime(expected, sizeof expected, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    REQUIRE(DateText(time).text() == std::string_view(expected));
  }
}
