#include <tidewire/http/file_path.h>
#include <tidewire/http/router.h>
#include <tidewire/http/target.h>
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

// Routes and paths of the fuzzer's choosing, one a line, the last line being the path: the router finds what a plain
// comparison of all patterns finds. What a pattern took, joined to a folder, stays below it.

using namespace tidewire::http;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void require_below_folder(std::string_view name) {
  const auto joined = join_path("/folder", name);
  if (joined) require(joined->lexically_normal().string().starts_with("/folder"));
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string decoded(std::string_view text) {
  std::string out;
  return percent_decode(text, out) ? out : std::string(text);
}

// How specifically a pattern takes a path: a digit for each segment, greater for a literal than for a parameter than
// for the rest, so that the greatest text is the best pattern. Nothing if it doesn't.
std::optional<std::string> rank(const std::string& pattern, const std::string& path) {
  const std::vector<std::string> wanted = split(std::string_view(pattern).substr(1), '/');
  const std::vector<std::string> given = split(std::string_view(path).substr(1), '/');
  std::string digits;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (i >= given.size()) return std::nullopt;
    if (wanted[i] == "*") return digits + "1";
    const bool is_parameter = !wanted[i].empty() && wanted[i].front() == ':';
    if (is_parameter ? given[i].empty() : decoded(given[i]) != wanted[i]) return std::nullopt;
    digits += is_parameter ? '2' : '3';
  }
  return wanted.size() == given.size() ? std::optional(digits) : std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> lines =
      split({reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 2048)}, '\n');
  const std::string path = lines.back();
  lines.pop_back();
  Target target;
  if (path.empty() || path.front() != '/' || path.find('?') != std::string::npos) return 0;
  if (parse_target(path, Method::get, target) != nullptr) return 0;

  Router router;
  std::uint32_t best = 0;
  std::string best_rank;
  bool is_taken = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    // Some are for another method, and show in what is allowed only.
    const bool is_get = lines[i].empty() || lines[i].front() != '!';
    const std::string pattern = is_get ? lines[i] : lines[i].substr(1);
    const auto id = static_cast<std::uint32_t>(i + 1);
    if (!router.add(is_get ? "GET" : "POST", pattern, RouteId{id})) continue;
    const std::optional<std::string> found = rank(pattern, path);
    is_taken = is_taken || found;
    if (is_get && found && *found > best_rank) {
      best = id;
      best_rank = *found;
    }
  }

  PathParameters params;
  const RouteMatch match = router.match("GET", path, {}, params);
  if (best != 0) {
    require(match.outcome == RouteMatch::Outcome::found && match.id == RouteId{best});
    for (const std::string& segment : split(lines[best - 1], '/')) {
      if (segment == "*") {
        require(path.ends_with(params.find_raw("*", path)));
        require(!params.find("*", path).starts_with('/'));
        require_below_folder(params.find("*", path));
      }
      if (segment.empty() || segment.front() != ':') continue;
      const std::string_view raw = params.find_raw(std::string_view(segment).substr(1), path);
      require(!raw.empty() && raw.find('/') == std::string_view::npos);
      require(params.find(std::string_view(segment).substr(1), path) == decoded(raw));
      require_below_folder(decoded(raw));
    }
  } else {
    require(match.outcome == (is_taken ? RouteMatch::Outcome::method_not_allowed : RouteMatch::Outcome::not_found));
  }
  return 0;
}
