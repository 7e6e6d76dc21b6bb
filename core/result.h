#pragma once

#include <tidewire/core/error.h>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace tidewire {

/// A value, or the Error that stands in its place.
///
/// It carries `std::expected`'s method names, so that it can become one when the language has it. Anything
/// that a peer, the network or the system can cause comes back this way and never as an exception;
/// `value()` throws `Failure`, which is what one wants in `main` and in tests.
///
///     auto bound = server.listen("127.0.0.1:9001");
///     if (!bound) return fail(bound.error().message());
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  using error_type = Error;

  template <class U = T>
  requires(std::is_constructible_v<T, U> && !std::is_same_v<std::remove_cvref_t<U>, Result> &&
           !std::is_same_v<std::remove_cvref_t<U>, Error>) Result(U&& value)
      : state_(std::in_place_index<0>, std::forward<U>(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }

  /// The value; throws Failure if there is none.
  T& value() & { return checked(), std::get<0>(state_); }
  const T& value() const& { return checked(), std::get<0>(state_); }
  T&& value() && { return checked(), std::get<0>(std::move(state_)); }

  /// The value, which the caller knows to be there: undefined otherwise.
  [[nodiscard]] T& operator*() & noexcept { return *std::get_if<0>(&state_); }
  [[nodiscard]] const T& operator*() const& noexcept { return *std::get_if<0>(&state_); }
  [[nodiscard]] T&& operator*() && noexcept { return std::move(*std::get_if<0>(&state_)); }
  [[nodiscard]] T* operator->() noexcept { return std::get_if<0>(&state_); }
  [[nodiscard]] const T* operator->() const noexcept { return std::get_if<0>(&state_); }

  /// The error, which the caller knows to be there: undefined otherwise.
  [[nodiscard]] const Error& error() const& noexcept { return *std::get_if<1>(&state_); }
  [[nodiscard]] Error&& error() && noexcept { return std::move(*std::get_if<1>(&state_)); }

  template <class U>
  [[nodiscard]] T value_or(U&& fallback) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(fallback));
  }

  /// `f(value)`, which returns a Result, or this error.
  template <class F>
  [[nodiscard]] auto and_then(F&& f) && -> std::invoke_result_t<F, T&&> {
    if (has_value()) return std::invoke(std::forward<F>(f), *std::move(*this));
    return std::move(*this).error();
  }

  /// `f(value)` as a Result, or this error.
  template <class F>
  [[nodiscard]] auto transform(F&& f) && -> Result<std::invoke_result_t<F, T&&>> {
    if (has_value()) return std::invoke(std::forward<F>(f), *std::move(*this));
    return std::move(*this).error();
  }

 private:
  void checked() const {
    if (!has_value()) throw Failure(error());
  }

  std::variant<T, Error> state_;
};

/// Success, or an Error. `return {};` is success.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  using error_type = Error;

  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  [[nodiscard]] bool has_value() const noexcept { return !error_; }
  [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }
  void value() const {
    if (error_) throw Failure(*error_);
  }
  [[nodiscard]] const Error& error() const& noexcept { return *error_; }
  [[nodiscard]] Error&& error() && noexcept { return std::move(*error_); }

  template <class F>
  [[nodiscard]] auto and_then(F&& f) && -> std::invoke_result_t<F> {
    if (has_value()) return std::invoke(std::forward<F>(f));
    return std::move(*error_);
  }

 private:
  std::optional<Error> error_;
};

}  // namespace tidewire
