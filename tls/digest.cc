#include <openssl/evp.h>
#include <openssl/rand.h>
#include <tidewire/tls/digest.h>
#include <algorithm>
#include <climits>

namespace tidewire::tls {
namespace {

/// SHA-1 as OpenSSL's providers have it, if they have it. To find it by its name and to make what it computes in takes
/// longer than a short text's digest, so that is done once for each thread.
class Sha1 {
 public:
  Sha1() noexcept = default;
  Sha1(const Sha1&) = delete;
  Sha1& operator=(const Sha1&) = delete;
  ~Sha1() {
    EVP_MD_CTX_free(context_);
    EVP_MD_free(method_);
  }

  [[nodiscard]] bool digest(Bytes data, unsigned char* out) noexcept {
    // What could not be had, for lack of memory perhaps, is tried for again.
    if (method_ == nullptr) method_ = EVP_MD_fetch(nullptr, "SHA1", nullptr);
    if (context_ == nullptr) context_ = EVP_MD_CTX_new();
    return method_ != nullptr && context_ != nullptr && EVP_DigestInit_ex2(context_, method_, nullptr) == 1 &&
           EVP_DigestUpdate(context_, data.data(), data.size()) == 1 && EVP_DigestFinal_ex(context_, out, nullptr) == 1;
  }

 private:
  EVP_MD* method_ = nullptr;
  EVP_MD_CTX* context_ = nullptr;
};

}  // namespace

Result<std::array<std::byte, 20>> sha1(Bytes data) {
  thread_local Sha1 sha1;
  std::array<std::byte, 20> digest{};
  if (!sha1.digest(data, reinterpret_cast<unsigned char*>(digest.data()))) {
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
