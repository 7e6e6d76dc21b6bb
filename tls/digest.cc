#include <openssl/evp.h>
#include <openssl/rand.h>
#include <tidewire/tls/digest.h>
#include <algorithm>
#include <climits>

namespace tidewire::tls {

Result<std::array<std::byte, 20>> sha1(Bytes data) {
  std::array<std::byte, 20> digest{};
  if (EVP_Digest(data.data(), data.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr, EVP_sha1(),
                 nullptr) != 1) {
    return Error{std::make_error_code(std::errc::not_supported), "SHA-1"};
  }
  return digest;
}

Result<void> random_bytes(MutableBytes out) {
  // RAND_bytes takes an int.
  while (!out.empty()) {
    const std::size_t count = std::min<std::size_t>(out.size(), INT_MAX);
    if (RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(count)) != 1) {
      return Error{std::make_error_code(std::errc::io_error), "random generator"};
    }
    out = out.subspan(count);
  }
  return {};
}

}  // namespace tidewire::tls
