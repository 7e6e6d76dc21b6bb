#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

/// Which certificate is for which name.
namespace tidewire::tls {

/// ASCII letters in lower case, all else as it is: host names don't tell cases apart (RFC 4343).
[[nodiscard]] std::string lower_case(std::string_view name);

/// Whether this is a host name: labels of letters, digits, '-' and '_', of 1 to 63 bytes each and 253 together. So it
/// has nothing in it that means something in a path, a URL or a log.
[[nodiscard]] bool is_host_name(std::string_view name) noexcept;

/// Whether this is a host name, or "*." and one.
[[nodiscard]] bool is_server_name(std::string_view name) noexcept;

/// Finds numbers by server names. Not changed any more it may be asked by many threads at once.
class ServerNames {
 public:
  /// `name` is for `number`, unless it is for another already. It is a server name in lower case.
  void add(std::string_view name, std::size_t number);

  /// What a host name in lower case is for: by itself first, then by "*." in place of its first label.
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
  };
  using Numbers = std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>>;

  Numbers exact_;
  Numbers wildcards_;  // without the "*": ".example.org"
};

}  // namespace tidewire::tls
