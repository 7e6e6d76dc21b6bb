#include <tidewire/http/method.h>
#include <array>
#include <cstddef>

namespace tidewire::http {
namespace {

// In the order of Method.
constexpr std::array<std::string_view, 35> names = {
    "",          "GET",         "HEAD",    "POST",       "PUT",
    "DELETE",    "CONNECT",     "OPTIONS", "TRACE",      "PATCH",
    "ACL",       "BIND",        "CHECKIN", "CHECKOUT",   "COPY",
    "LINK",      "LOCK",        "MERGE",   "MKACTIVITY", "MKCALENDAR",
    "MKCOL",     "MKWORKSPACE", "MOVE",    "ORDERPATCH", "PROPFIND",
    "PROPPATCH", "QUERY",       "REBIND",  "REPORT",     "SEARCH",
    "UNBIND",    "UNCHECKOUT",  "UNLINK",  "UNLOCK",     "VERSION-CONTROL",
};
static_assert(names[static_cast<std::size_t>(Method::version_control)] == "VERSION-CONTROL");

}  // namespace

Method method_from(std::string_view token) noexcept {
  // The frequent ones, by their size.
  switch (token.size()) {
    case 3:
      if (token == "GET") return Method::get;
      if (token == "PUT") return Method::put;
      break;
    case 4:
      if (token == "POST") return Method::post;
      if (token == "HEAD") return Method::head;
      break;
    default:
      break;
  }
  for (std::size_t i = 1; i < names.size(); ++i) {
    if (names[i] == token) return static_cast<Method>(i);
  }
  return Method::other;
}

std::string_view text_of(Method method) noexcept {
  const auto index = static_cast<std::size_t>(method);
  return index < names.size() ? names[index] : std::string_view();
}

}  // namespace tidewire::http
