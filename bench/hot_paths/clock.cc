#include <ctime>

// The clock stands still in this program: these take the place of libc's for libuv and for the library, too. Otherwise
// the timer wheel's ticks and each new second's Date would be counted in some runs and not in others. Nothing here
// waits for a timer.

namespace {

constexpr std::time_t seconds_since_1970 = 1'704'067'200;  // Mon, 01 Jan 2024 00:00:00 GMT
constexpr std::time_t seconds_since_start = 1000;

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* now) noexcept {
  *now = {.tv_sec = clock == CLOCK_REALTIME ? seconds_since_1970 : seconds_since_start, .tv_nsec = 0};
  return 0;
}

extern "C" std::time_t time(std::time_t* now) noexcept {
  if (now != nullptr) *now = seconds_since_1970;
  return seconds_since_1970;
}
