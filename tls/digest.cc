// Before any header of OpenSSL's: see digest_by_sha1.
#define OPENSSL_SUPPRESS_DEPRECATED  // NOLINT(readability-identifier-naming): the name is OpenSSL's.

#include <openssl/rand.h>
#include <openssl/sha.h>
#include <tidewire/tls/digest.h>
#include <algorithm>
#include <climits>

namespace tidewire::tls {
namespace {

/// By the functions that OpenSSL 3 calls deprecated. The others look for a provider: the first digest of a process then
/// reads in 2.5 MB of OpenSSL and keeps 100 KB, which a server without TLS needs for nothing else.
[[nodiscard]] bool digest_by_sha1(Bytes data, unsigned char* out) noexcept {
  SHA_CTX context;
  return SHA1_Init(&context) == 1 && SHA1_Update(&context, data.data(), data.size()) == 1 &&
         SHA1_Final(out, &context) == 1;
}

}  // namespace

Result<std::array<std::byte, 20>> sha1(Bytes data) {
  std::array<std::byte, 20> digest{};
  if (!digest_by_sha1(data, reinterpret_cast<unsigned char*>(digest.data()))) {
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
