#pragma once

#include <tidewire/core/result.h>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidewire::http {

/// The names that a server serves: `ServerOptions::served_names`, taken apart, so that a look-up allocates nothing.
class ServedNames {
 public:
  /// The names as options have them. Errors: `invalid_configuration`, naming the one that is malformed.
  [[nodiscard]] static Result<ServedNames> parse(std::span<const std::string> names);

  /// Whether none was given, and every name is served.
  [[nodiscard]] bool empty() const noexcept { return names_.empty(); }

  /// Whether a request for `host` is for one of them: "host:port" as a Host field has it, checked by is_host(), or
  /// empty if the client named none, which is never served. `secure`: the default port is 443 instead of 80.
  [[nodiscard]] bool contain(std::string_view host, bool secure) const noexcept;

 private:
  struct Name {
    std::string host;    // In lower case, without the dot at its end; ".example.org" for a wildcard.
    std::uint32_t port;  // Or any_port.
  };
  static constexpr std::uint32_t any_port = UINT32_MAX;

  [[nodiscard]] bool find(std::string_view host, std::uint32_t port) const noexcept;

  std::vector<Name> names_;  // Sorted by host.
};

}  // namespace tidewire::http
