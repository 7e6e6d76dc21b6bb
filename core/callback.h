#pragma once

#include <tidewire/core/export.h>
#include <memory>
#include <type_traits>
#include <utility>

namespace tidewire {

/// A callable taken by value and called by its one owner: `std::function` for things that only move.
/// (C++23 calls it std::move_only_function.) Calling an empty one is undefined; test it first.
template <class Signature>
class Callback;

template <class R, class... Args>
class Callback<R(Args...)> {
 public:
  Callback() noexcept = default;
  Callback(std::nullptr_t) noexcept {}

  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, Callback> && std::is_invocable_r_v<R, F&, Args...>) Callback(F&& f)
      : target_(new Holder<std::decay_t<F>>(std::forward<F>(f))) {}  // std::make_unique costs ten functions a callable.

  R operator()(Args... args) { return target_->call(std::forward<Args>(args)...); }
  explicit operator bool() const noexcept { return target_ != nullptr; }

 private:
  struct Target {
    virtual ~Target() = default;
    virtual R call(Args... args) = 0;
  };
  template <class F>
  struct Holder final : Target {
    template <class G>
    explicit Holder(G&& g) : function(std::forward<G>(g)) {}
    R call(Args... args) override { return static_cast<R>(function(std::forward<Args>(args)...)); }
    F function;
  };

  std::unique_ptr<Target> target_;
};

/// What a loop runs once.
using Task = Callback<void()>;

}  // namespace tidewire
