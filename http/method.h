#pragma once

#include <tidewire/core/export.h>
#include <cstdint>
#include <string_view>

namespace tidewire::http {

/// The request methods of the IANA registry that a server meets, and `other` for every other token (an
/// extension method, whose text is `Request::method_text()`). Methods are case-sensitive (RFC 9110 9.1).
enum class Method : std::uint8_t {
  other,
  get,
  head,
  post,
  put,
  delete_,
  connect,
  options,
  trace,
  patch,
  acl,
  bind,
  checkin,
  checkout,
  copy,
  link,
  lock,
  merge,
  mkactivity,
  mkcalendar,
  mkcol,
  mkworkspace,
  move,
  orderpatch,
  propfind,
  proppatch,
  query,
  rebind,
  report,
  search,
  unbind,
  uncheckout,
  unlink,
  unlock,
  version_control,
};

/// The method named by `token`, compared with case; `other` when it is none of them.
[[nodiscard]] TIDEWIRE_API Method method_from(std::string_view token) noexcept;

/// "GET" for `Method::get`, and so on; empty for `other`. The text is static.
[[nodiscard]] TIDEWIRE_API std::string_view text_of(Method method) noexcept;

}  // namespace tidewire::http
