#include <arpa/inet.h>
#include <tidewire/http/characters_internal.h>
#include <tidewire/http/served_names.h>
#include <tidewire/http/target.h>
#include <tidewire/tls/server_names.h>
#include <algorithm>
#include <array>
#include <charconv>

namespace tidewire::http {
namespace {

// Longer ones are no host names: 253 bytes (RFC 1035 2.3.4), and a dot at the end.
constexpr std::size_t longest_host = 254;

struct HostPort {
  std::string_view host;  // An IPv6 address with its brackets.
  std::string_view port;  // Empty if there is none.
};

// Splits what is_host() has accepted.
HostPort split(std::string_view text) noexcept {
  const std::size_t from = text.starts_with('[') ? text.find(']') : 0;
  const std::size_t colon = std::min(text.find(':', from), text.size());
  return {text.substr(0, colon), text.substr(std::min(colon + 1, text.size()))};
}

std::uint32_t number_of(std::string_view port) noexcept {
  std::uint32_t number = 0;
  std::from_chars(port.data(), port.data() + port.size(), number);
  return number;
}

/// A host in the one form in which all of its spellings are equal: a name in lower case and without the dot of the
/// root, an IPv6 address as the system writes it.
class Normalised {
 public:
  explicit Normalised(std::string_view host) noexcept {
    if (host.size() > longest_host) return;
    host.starts_with('[') ? take_ipv6(host.substr(1, host.size() - 2)) : take_name(host);
  }

  /// Empty if it is too long.
  [[nodiscard]] std::string_view text() const noexcept { return {text_.data(), size_}; }

 private:
  void take_name(std::string_view name) noexcept {
    if (name.ends_with('.')) name.remove_suffix(1);
    std::transform(name.begin(), name.end(), text_.begin(), detail::to_lower);
    size_ = name.size();
  }
  void take_ipv6(std::string_view address) noexcept {
    std::array<char, INET6_ADDRSTRLEN> terminated{};
    if (address.size() >= terminated.size()) return;
    address.copy(terminated.data(), address.size());
    in6_addr parsed{};
    if (inet_pton(AF_INET6, terminated.data(), &parsed) != 1) return;
    if (inet_ntop(AF_INET6, &parsed, text_.data(), INET6_ADDRSTRLEN) == nullptr) return;
    size_ = std::string_view(text_.data()).size();
  }

  std::array<char, longest_host> text_{};
  std::size_t size_ = 0;
};

bool is_served_name(std::string_view text) noexcept {
  constexpr std::string_view wildcard = "*.";
  std::string_view host = text.starts_with(wildcard) ? text.substr(wildcard.size()) : text;
  if (!is_host(host) || text.ends_with(':')) return false;
  host = split(host).host;
  if (host.starts_with('[')) return !text.starts_with(wildcard);
  if (host.ends_with('.')) host.remove_suffix(1);
  return tls::is_host_name(host);
}

}  // namespace

Result<ServedNames> ServedNames::parse(std::span<const std::string> names) {
  ServedNames parsed;
  for (const std::string& text : names) {
    if (!is_served_name(text)) {
      return Error{Errc::invalid_configuration, "served name \"" + text +
                                                    "\" (expected \"example.org\", \"*.example.org\", \"192.0.2.1\" or "
                                                    "\"[2001:db8::1]\", each perhaps with \":port\")"};
    }
    const bool wildcard = text.starts_with('*');
    const HostPort parts = split(text);
    // Of a wildcard its dot is kept, which no name begins with.
    const Normalised host(wildcard ? parts.host.substr(1) : parts.host);
    parsed.names_.push_back({std::string(host.text()), parts.port.empty() ? any_port : number_of(parts.port)});
  }
  std::sort(parsed.names_.begin(), parsed.names_.end(), [](const Name& a, const Name& b) { return a.host < b.host; });
  return parsed;
}

bool ServedNames::contain(std::string_view host, bool secure) const noexcept {
  const HostPort parts = split(host);
  const std::uint32_t default_port = secure ? 443 : 80;
  const std::uint32_t port = parts.port.empty() ? default_port : number_of(parts.port);
  const Normalised normalised(parts.host);
  const std::string_view name = normalised.text();
  if (name.empty() || name.front() == '.') return false;
  if (find(name, port)) return true;
  // "*." stands for one label.
  const std::size_t dot = name.find('.');
  return dot != std::string_view::npos && !host.starts_with('[') && find(name.substr(dot), port);
}

bool ServedNames::find(std::string_view host, std::uint32_t port) const noexcept {
  const auto before = [](const Name& name, std::string_view text) { return name.host < text; };
  auto at = std::lower_bound(names_.begin(), names_.end(), host, before);
  for (; at != names_.end() && at->host == host; ++at) {
    if (at->port == any_port || at->port == port) return true;
  }
  return false;
}

}  // namespace tidewire::http
