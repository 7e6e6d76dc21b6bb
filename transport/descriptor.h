#pragma once

#include <unistd.h>

#include <utility>

namespace tidewire::transport {

/// Owns a descriptor of the system's, and closes it.
class Descriptor {
 public:
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }

  /// -1 if there is none.
  [[nodiscard]] int get() const noexcept { return number_; }
  /// Leaves it to the caller.
  [[nodiscard]] int release() noexcept { return std::exchange(number_, -1); }

 private:
  int number_;
};

}  // namespace tidewire::transport
