#include <tidewire/tls/server_names.h>
#include <algorithm>

namespace tidewire::tls {
namespace {

constexpr std::size_t max_name_bytes = 253;
constexpr std::size_t max_label_bytes = 63;
constexpr std::string_view any_label = "*.";

bool is_label_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool is_label(std::string_view label) noexcept {
  return !label.empty() && label.size() <= max_label_bytes &&
         std::all_of(label.begin(), label.end(), is_label_character);
}

}  // namespace

std::string lower_case(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

bool is_host_name(std::string_view name) noexcept {
  if (name.size() > max_name_bytes) return false;
  for (std::size_t dot; (dot = name.find('.')) != std::string_view::npos; name.remove_prefix(dot + 1)) {
    if (!is_label(name.substr(0, dot))) return false;
  }
  return is_label(name);
}

bool is_server_name(std::string_view name) noexcept {
  if (name.starts_with(any_label)) name.remove_prefix(any_label.size());
  return is_host_name(name);
}

void ServerNames::add(std::string_view name, std::size_t number) {
  if (name.starts_with(any_label)) {
    wildcards_.try_emplace(std::string(name.substr(1)), number);
  } else {
    exact_.try_emplace(std::string(name), number);
  }
}

std::optional<std::size_t> ServerNames::find(std::string_view name) const {
  if (const auto found = exact_.find(name); found != exact_.end()) return found->second;
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos || dot == 0) return {};
  if (const auto found = wildcards_.find(name.substr(dot)); found != wildcards_.end()) return found->second;
  return {};
}

}  // namespace tidewire::tls
