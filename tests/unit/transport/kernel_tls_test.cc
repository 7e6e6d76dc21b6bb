#include <linux/tls.h>

#include <doctest/doctest.h>
#include <support/descriptor.h>
#include <support/kernel_stream.h>
#include <tidewire/transport/kernel_tls.h>
#include <array>
#include <cstring>
#include <fstream>
#include <string>

// What needs no kernel that encrypts. That has its tests in tests/kernel.

using namespace tidewire;
using namespace tidewire::testing;
using namespace tidewire::transport;

namespace {

/// The structure of a suite, its parts filled with letters.
template <class Info>
Info filled(std::uint16_t version, std::uint16_t cipher) {
  Info info{};
  info.info = {.version = version, .cipher_type = cipher};
  std::memset(info.iv, 'i', sizeof info.iv);
  std::memset(info.key, 'k', sizeof info.key);
  if (sizeof info.salt != 0) std::memset(info.salt, 's', sizeof info.salt);
  info.rec_seq[sizeof info.rec_seq - 1] = 7;
  return info;
}

}  // namespace

TEST_CASE("keys are what the kernel's structure has, and the nonce is put together of salt and IV") {
  const auto info = filled<tls12_crypto_info_aes_gcm_128>(TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_128);
  const auto keys = KernelKeys::from(&info).value();
  CHECK(keys.for_tls_1_3());
  CHECK(as_text(keys.key()) == std::string(16, 'k'));
  const auto nonce = keys.nonce();
  CHECK(as_text(nonce) == "ssssiiiiiiii");
  CHECK(keys.sequence() == 7);
  CHECK(keys.crypto_info().size() == sizeof info);
  CHECK(std::memcmp(keys.crypto_info().data(), &info, sizeof info) == 0);

  const auto chacha = filled<tls12_crypto_info_chacha20_poly1305>(TLS_1_2_VERSION, TLS_CIPHER_CHACHA20_POLY1305);
  const auto others = KernelKeys::from(&chacha).value();
  CHECK_FALSE(others.for_tls_1_3());
  CHECK(others.key().size() == 32);
  const auto whole = others.nonce();
  CHECK(as_text(whole) == "iiiiiiiiiiii");
}

TEST_CASE("suites and versions that are not known are not taken") {
  const auto ccm = filled<tls12_crypto_info_aes_ccm_128>(TLS_1_2_VERSION, TLS_CIPHER_AES_CCM_128);
  CHECK_FALSE(KernelKeys::from(&ccm));
  const auto older = filled<tls12_crypto_info_aes_gcm_128>(0x0302, TLS_CIPHER_AES_GCM_128);
  CHECK_FALSE(KernelKeys::from(&older));
}

TEST_CASE("renewed keys are of the same suite, and their records are counted from the first") {
  const auto info = filled<tls12_crypto_info_aes_gcm_256>(TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_256);
  const auto last = KernelKeys::from(&info).value();
  const std::string key(32, 'K');
  const auto next = last.renewed(as_bytes(key), as_bytes("SSSSIIIIIIII"));
  CHECK(as_text(next.key()) == key);
  const auto nonce = next.nonce();
  CHECK(as_text(nonce) == "SSSSIIIIIIII");
  CHECK(next.sequence() == 0);
  CHECK(next.for_tls_1_3());
  CHECK(next.crypto_info().size() == last.crypto_info().size());
  CHECK(std::memcmp(next.crypto_info().data(), &info, sizeof(tls_crypto_info)) == 0);
}

TEST_CASE("a record's overhead is what a record has beside its text") {
  const auto overhead = [](const auto& info) {
    const auto keys = KernelKeys::from(&info).value();
    CHECK(RecordMaker(keys).make(23, "text").size() == 4 + keys.record_overhead_bytes());
    return keys.record_overhead_bytes();
  };
  CHECK(overhead(filled<tls12_crypto_info_aes_gcm_128>(TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_128)) == 22);
  CHECK(overhead(filled<tls12_crypto_info_aes_gcm_128>(TLS_1_2_VERSION, TLS_CIPHER_AES_GCM_128)) == 29);
  CHECK(overhead(filled<tls12_crypto_info_chacha20_poly1305>(TLS_1_2_VERSION, TLS_CIPHER_CHACHA20_POLY1305)) == 21);
}

TEST_CASE("what is offered is what the kernel says") {
  std::ifstream protocols("/proc/sys/net/ipv4/tcp_available_ulp");
  bool known = false;
  for (std::string each; protocols >> each;) known |= each == "tls";
  CHECK(KernelTlsOffer::now().records == known);
  if (!known) CHECK_FALSE(KernelTlsOffer::now().renewals);
}

TEST_CASE("a socket that is not TCP's takes no keys, and goes on as it was") {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  const Descriptor one(ends[0]);
  const Descriptor other(ends[1]);
  const auto info = filled<tls12_crypto_info_aes_gcm_128>(TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_128);
  const auto keys = KernelKeys::from(&info).value();
  CHECK_FALSE(begin_kernel_records(one.get(), keys));
  std::uint32_t count = 0;
  CHECK(renew_kernel_keys(one.get(), keys, count) < 0);
  CHECK(count == 0);
  // Of what can't be asked nothing is waited for.
  CHECK(kernel_records_sent(one.get(), 1000));
  one.send("clear");
  std::array<char, 10> bytes;
  CHECK(::recv(other.get(), bytes.data(), bytes.size(), 0) == 5);
}
