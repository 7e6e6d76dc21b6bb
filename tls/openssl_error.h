#pragma once

#include <openssl/err.h>
#include <tidewire/core/error.h>
#include <string>
#include <string_view>

/// OpenSSL keeps a queue of errors for each thread. What failed reads it out here, so that it is empty again for what
/// comes next.
namespace tidewire::tls {

/// The error that the queue tells of, and an empty queue: "WHAT: wrong version number". Of several entries it is the
/// oldest that says more than where it was passed on. When memory ran out the code is `std::errc::not_enough_memory`.
[[nodiscard]] Error openssl_error(Errc code, std::string_view what);

/// Before a call of OpenSSL's whose outcome SSL_get_error is asked for: what earlier ones left must not be taken for
/// its.
inline void clear_openssl_errors() noexcept {
  // Looking is cheaper than clearing, and there is seldom anything.
  if (ERR_peek_error() != 0) ERR_clear_error();
}

/// Puts a reason of our own into the queue, for `openssl_error` to find: the one way out of a callback of OpenSSL's
/// that fails, for which OpenSSL has no words.
void raise_openssl_error(const char* reason) noexcept;

/// What is told where there is no memory, by OpenSSL or by us.
[[nodiscard]] inline Error out_of_memory() { return {std::make_error_code(std::errc::not_enough_memory), {}}; }

/// What can't be used, and why, as `invalid_configuration`.
[[nodiscard]] inline Error unusable(std::string detail) {
  return {make_error_code(Errc::invalid_configuration), std::move(detail)};
}

}  // namespace tidewire::tls
