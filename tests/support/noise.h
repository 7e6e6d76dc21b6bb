#pragma once

#include <random>
#include <string>

namespace tidewire::support {

/// What does not compress. The same seed gives the same bytes everywhere.
inline std::string noise(std::size_t bytes, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::string out(bytes, '\0');
  for (char& c : out) c = static_cast<char>(random());
  return out;
}

}  // namespace tidewire::support
