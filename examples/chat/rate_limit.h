#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>

namespace chat {

/// A token bucket: `burst` at once, `per_second` in the long run. Fair to a person who writes three short lines in a
/// row and then reads, and deaf to one who only shouts: what is refused costs nothing, so that waiting always helps.
/// Knows no clock; the caller says what time it is.
class RateLimit {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// It begins half full: to leave and come back gains nothing. `per_second` is positive.
  RateLimit(std::size_t burst, double per_second, Time now) noexcept
      : burst_(static_cast<double>(burst)), per_second_(per_second), tokens_(std::ceil(burst_ / 2)), filled_(now) {}

  /// Whether one more is allowed now; if so, it is counted.
  [[nodiscard]] bool take(Time now) noexcept {
    const std::chrono::duration<double> passed = now - filled_;
    tokens_ = std::min(burst_, tokens_ + passed.count() * per_second_);
    filled_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

  /// After a refusal: how long until the next one is allowed.
  [[nodiscard]] std::chrono::milliseconds wait() const noexcept {
    const double seconds = std::max(0.0, 1 - tokens_) / per_second_;
    return std::chrono::milliseconds(static_cast<long long>(std::ceil(seconds * 1000)));
  }

 private:
  double burst_;
  double per_second_;
  double tokens_;
  Time filled_;
};

}  // namespace chat
