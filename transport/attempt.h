#pragma once

#include <tidewire/core/error.h>
#include <new>
#include <optional>
#include <utility>

namespace tidewire::transport {

/// Runs `call`, a callback of a consumer's. What it throws comes back as the error that broke the
/// connection: lack of memory, above all.
template <class Call>
std::optional<Error> attempt(Call&& call) noexcept {
  try {
    std::forward<Call>(call)();
    return std::nullopt;
  } catch (const std::bad_alloc&) {
    return Error{std::make_error_code(std::errc::not_enough_memory), {}};
  } catch (const std::exception& thrown) {
    try {
      return Error{Errc::exception, thrown.what()};
    } catch (...) {
      return Error{Errc::exception, {}};
    }
  } catch (...) {
    return Error{Errc::exception, {}};
  }
}

}  // namespace tidewire::transport
