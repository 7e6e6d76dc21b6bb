#include <tidewire/tls/openssl_error.h>
#include <tidewire/tls/protocol_settings.h>
#include <algorithm>

namespace tidewire::tls {
namespace {

// OpenSSL's own default was 1 until its version 3.2; distributions ask for 2. It wants keys of 112 bits of security:
// RSA of 2048 bits, and no SHA-1 in signatures.
constexpr int least_security_level = 2;

int number_of(Version version) noexcept { return version == Version::tls_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION; }

Error unknown(std::string_view option, const std::string& value) {
  clear_openssl_errors();
  return unusable(std::string(option) + ": OpenSSL can use none, or not all, of \"" + value + "\"");
}

bool has_suite_of_tls_1_3(SSL_CTX* context) {
  const STACK_OF(SSL_CIPHER)* suites = SSL_CTX_get_ciphers(context);
  for (int i = 0; i < sk_SSL_CIPHER_num(suites); ++i) {
    if (SSL_CIPHER_get_protocol_id(sk_SSL_CIPHER_value(suites, i)) >> 8 == 0x13) return true;
  }
  return false;
}

Result<void> apply_lists(const ProtocolOptions& options, SSL_CTX* context) {
  if (options.min_version == Version::tls_1_2 && SSL_CTX_set_cipher_list(context, options.ciphers.c_str()) != 1) {
    return unknown("ciphers", options.ciphers);
  }
  if (options.max_version == Version::tls_1_3) {
    const bool taken = SSL_CTX_set_ciphersuites(context, options.suites.c_str()) == 1;
    if (!taken || !has_suite_of_tls_1_3(context)) return unknown("suites", options.suites);
  }
  if (SSL_CTX_set1_groups_list(context, options.groups.c_str()) != 1) return unknown("groups", options.groups);
  return {};
}

}  // namespace

Result<void> apply(const ProtocolOptions& options, SSL_CTX* context) {
  if (options.min_version > options.max_version) return unusable("min_version is above max_version");
  SSL_CTX_set_security_level(context, std::max(least_security_level, SSL_CTX_get_security_level(context)));
  if (SSL_CTX_set_min_proto_version(context, number_of(options.min_version)) != 1 ||
      SSL_CTX_set_max_proto_version(context, number_of(options.max_version)) != 1) {
    return openssl_error(Errc::invalid_configuration, "min_version and max_version");
  }
  // A renegotiation would let the peer change what a handler was told of it, and make us compute at will. Compression
  // tells what is compressed (CRIME). Chacha20 comes first for a client that puts it first, having no AES in hardware.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_PRIORITIZE_CHACHA);
  // A system's configuration of OpenSSL may set it. See docs/explanation/decisions/kernel-tls.md.
  SSL_CTX_clear_options(context, SSL_OP_ENABLE_KTLS);
  // The chain that was loaded is sent as it is. Otherwise OpenSSL would look for one at each handshake.
  SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (options.release_buffers) SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_clear_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE);
  return apply_lists(options, context);
}

Result<std::string> alpn_list(const std::vector<std::string>& protocols) {
  constexpr std::size_t max_name_bytes = 255;
  std::string list;
  for (const std::string& protocol : protocols) {
    if (protocol.empty() || protocol.size() > max_name_bytes) {
      return unusable("alpn: a protocol's name has 1 to 255 bytes");
    }
    list += static_cast<char>(protocol.size());
    list += protocol;
  }
  return list;
}

}  // namespace tidewire::tls
