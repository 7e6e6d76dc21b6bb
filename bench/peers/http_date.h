#pragma once

#include <array>
#include <ctime>
#include <string_view>

namespace tidewire::bench {

/// The Date field's value (RFC 9110 6.6.1), made anew when the second has changed: what a server that cares does.
class HttpDate {
 public:
  [[nodiscard]] std::string_view now() {
    const std::time_t second = std::time(nullptr);
    if (second != second_) {
      second_ = second;
      std::tm parts = {};
      gmtime_r(&second, &parts);
      size_ = std::strftime(text_.data(), text_.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    }
    return {text_.data(), size_};
  }

 private:
  std::time_t second_ = -1;
  std::array<char, 32> text_ = {};
  std::size_t size_ = 0;
};

}  // namespace tidewire::bench
