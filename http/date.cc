#include <tidewire/http/date.h>
#include <algorithm>

namespace tidewire::http {
namespace {

constexpr std::int64_t day_seconds = 86400;
constexpr std::int64_t last_second = 253402300799;  // of the year 9999

// The year, month and day of a day since 1970-01-01, counted in eras of 400 years from 0000-03-01: with the leap day at
// a year's end, months and years are plain divisions.
struct CivilDay {
  unsigned year;
  unsigned month;
  unsigned day;
};

CivilDay civil_day(std::int64_t days) noexcept {
  const auto shifted = static_cast<unsigned>(days + 719468);
  const unsigned era = shifted / 146097;
  const unsigned day_of_era = shifted % 146097;
  const unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned march_month = (5 * day_of_year + 2) / 153;
  const unsigned month = march_month < 10 ? march_month + 3 : march_month - 9;
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day_of_year - (153 * march_month + 2) / 5 + 1};
}

}  // namespace

DateText::DateText(std::int64_t time) noexcept : time_(time) {
  constexpr std::string_view days = "ThuFriSatSunMonTueWed";
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const std::int64_t clamped = std::clamp<std::int64_t>(time, 0, last_second);
  const CivilDay day = civil_day(clamped / day_seconds);
  const auto second = static_cast<unsigned>(clamped % day_seconds);

  char* at = text_.data();
  const auto put = [&](std::string_view text) { at = std::copy(text.begin(), text.end(), at); };
  const auto put_two = [&](unsigned value) {
    *at++ = static_cast<char>('0' + value / 10);
    *at++ = static_cast<char>('0' + value % 10);
  };
  put(days.substr(static_cast<std::size_t>(clamped / day_seconds % 7) * 3, 3));
  put(", ");
  put_two(day.day);
  put(" ");
  put(months.substr((day.month - 1) * std::size_t{3}, 3));
  put(" ");
  put_two(day.year / 100);
  put_two(day.year % 100);
  put(" ");
  put_two(second / 3600);
  put(":");
  put_two(second / 60 % 60);
  put(":");
  put_two(second % 60);
  put(" GMT");
}

}  // namespace tidewire::http
