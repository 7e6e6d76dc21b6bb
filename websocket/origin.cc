#include <tidewire/websocket/origin.h>
#include <algorithm>

namespace tidewire::websocket {
namespace {

struct Authority {
  std::string_view host;
  std::string_view port;  // Empty if there is none.
};

bool is_port(std::string_view text) noexcept {
  return text.size() <= 5 && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Splits `host[:port]` with the brackets of an IPv6 address in mind. False if it is neither.
bool split(std::string_view text, Authority& to) noexcept {
  std::size_t host_end = text.find(':');
  if (!text.empty() && text.front() == '[') {
    host_end = text.find(']');
    if (host_end == text.npos) return false;
    ++host_end;
  }
  if (host_end >= text.size()) {
    to = {text, {}};
    return !text.empty();
  }
  to = {text.substr(0, host_end), text.substr(host_end + 1)};
  return host_end > 0 && text[host_end] == ':' && is_port(to.port);
}

bool same_origin(std::string_view origin, std::string_view host, bool over_tls) noexcept {
  constexpr std::string_view separator = "://";
  const std::size_t scheme_end = origin.find(separator);
  if (scheme_end == origin.npos) return false;
  const std::string_view scheme = origin.substr(0, scheme_end);
  const bool secure = http::equals_ignoring_case(scheme, "https");
  if (!secure && (over_tls || !http::equals_ignoring_case(scheme, "http"))) return false;

  // An origin ends with its authority (RFC 6454 section 7.1), and an authority in it has no user.
  const std::string_view rest = origin.substr(scheme_end + separator.size());
  if (rest.find_first_of("/?#@\\ \t,") != rest.npos || host.find_first_of("/?#@\\ \t,") != host.npos) return false;
  Authority theirs;
  Authority ours;
  if (!split(rest, theirs) || !split(host, ours)) return false;
  const std::string_view default_port = secure ? "443" : "80";
  if (theirs.port.empty()) theirs.port = default_port;
  if (ours.port.empty()) ours.port = default_port;
  return theirs.port == ours.port && http::equals_ignoring_case(theirs.host, ours.host);
}

}  // namespace

bool origin_allowed(std::string_view origin, std::string_view host, std::span<const std::string> allowed,
                    bool secure) noexcept {
  if (allowed.empty()) return same_origin(origin, host, secure);
  return std::any_of(allowed.begin(), allowed.end(), [origin](const std::string& one) {
    return one == "*" || http::equals_ignoring_case(one, origin);
  });
}

bool origin_allowed(const http::Fields& fields, std::span<const std::string> allowed, bool secure) noexcept {
  const http::FieldValues origins = fields.values("origin");
  if (origins.empty()) return true;
  if (std::next(origins.begin()) != origins.end()) return false;
  return origin_allowed(*origins.begin(), fields.find("host"), allowed, secure);
}

}  // namespace tidewire::websocket
