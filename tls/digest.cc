#include <openssl/evp.h>
#include <openssl/rand.h>
#include <tidewire/tls/digest.h>
#include <algorithm>
#include <climits>

namespace tidewire::tls {
namespace {

/// SHA-1 as OpenSSL's providers have it: null if they have none. To find it by its name takes longer than to compute a
/// short text's digest, so that is done once.
class Sha1 {
 public:
  Sha1() noexcept : method_(EVP_MD_fetch(nullptr, "SHA1", nullptr)) {}
  Sha1(const Sha1&) = delete;
  Sha1& operator=(const Sha1&) = delete;
  ~Sha1() { EVP_MD_free(method_); }
  [[nodiscard]] const EVP_MD* method() const noexcept { return method_; }

 private:
  EVP_MD* method_;
};

}  // namespace

Result<std::array<std::byte, 20>> sha1(Bytes data) {
  static const Sha1 sha1;
  std::array<std::byte, 20> digest{};
  auto* out = reinterpret_cast<unsigned char*>(digest.data());
  if (sha1.method() == nullptr || EVP_Digest(data.data(), data.size(), out, nullptr, sha1.method(), nullptr) != 1) {
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
