#include <tidewire/http/file_path.h>
#include <algorithm>
#include <string>

namespace tidewire::http {
namespace {

// What is wrong with the name; null if nothing.
const char* explain(std::string_view name) noexcept {
  using namespace std::string_view_literals;
  if (name.find_first_of("\\\0"sv) != std::string_view::npos) return "a path with a backslash or NUL";
  for (std::size_t begin = 0; begin < name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view segment = name.substr(begin, end - begin);
    if (segment.empty()) return begin == 0 ? "an absolute path" : "a path with an empty segment";
    if (segment == "." || segment == "..") return "a path with a dot segment";
    begin = end + 1;
  }
  return nullptr;
}

}  // namespace

Result<std::filesystem::path> join_path(const std::filesystem::path& folder, std::string_view name) {
  if (const char* problem = explain(name)) return Error{Errc::invalid_argument, problem};
  if (name.empty()) return folder;
  return folder / std::filesystem::path(name);
}

}  // namespace tidewire::http
