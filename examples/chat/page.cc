#include <chat/page.h>
#include <chat/text.h>
#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <utility>

namespace chat {

using namespace tidewire;

namespace {

/// The page brings all that it needs: nothing is loaded from elsewhere, nothing inline runs, no other page frames
/// it. `ws:` and `wss:` are named because not every browser counts them to 'self'.
constexpr std::string_view content_security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ws: wss:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

struct Source {
  const char* name;
  const char* content_type;
};

constexpr std::array<Source, 7> sources{{{"index.html", "text/html; charset=utf-8"},
                                         {"style.css", "text/css; charset=utf-8"},
                                         {"chat.js", "text/javascript; charset=utf-8"},
                                         {"elements.js", "text/javascript; charset=utf-8"},
                                         {"lines.js", "text/javascript; charset=utf-8"},
                                         {"link.js", "text/javascript; charset=utf-8"},
                                         {"icon.svg", "image/svg+xml"}}};

/// A tag that stands for the content: half of its SHA-1 is enough to tell versions apart.
Result<std::string> etag_of(std::string_view content) {
  const auto digest = tls::sha1(as_bytes(content));
  if (!digest) return digest.error();
  std::string tag = "\"";
  for (const std::byte byte : std::span(*digest).first(10)) {
    tag += "0123456789abcdef"[std::to_integer<unsigned>(byte) >> 4];
    tag += "0123456789abcdef"[std::to_integer<unsigned>(byte) & 15];
  }
  return tag + '"';
}

Result<PageFile> load_file(const std::filesystem::path& folder, const Source& source) {
  const std::filesystem::path path = folder / source.name;
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file || content.empty()) {
    const int why = errno != 0 ? errno : EIO;
    return Error::system(-why, "cannot read the page's file " + path.string());
  }
  auto etag = etag_of(content);
  if (!etag) return etag.error();
  const std::string served = &source == &sources.front() ? "/" : std::string("/") + source.name;
  return PageFile{served, source.content_type, std::move(content), std::move(*etag)};
}

/// Always asked for again, rarely sent again: a new version of the server shows at once.
void serve(const PageFile& file, const http::Request& request, http::Response& response) {
  response.header("Cache-Control", "no-cache")
      .header("ETag", file.etag)
      .header("Content-Security-Policy", content_security_policy)
      .header("X-Content-Type-Options", "nosniff")
      .header("Referrer-Policy", "no-referrer");
  for (const std::string_view tags : request.header_values("if-none-match")) {
    if (names_etag(tags, file.etag)) {
      response.send(http::Status::not_modified);
      return;
    }
  }
  response.header("Content-Type", file.content_type).send(std::string_view(file.content));
}

}  // namespace

Result<Page> Page::load(const std::filesystem::path& folder) {
  Page page;
  for (const Source& source : sources) {
    auto file = load_file(folder, source);
    if (!file) return file.error();
    page.files.push_back(std::move(*file));
  }
  return page;
}

void mount_page(http::Server& server, const Page& page, std::size_t max_room_characters) {
  for (const PageFile& file : page.files) {
    server.get(file.path,
               [&file](const http::Request& request, http::Response& response) { serve(file, request, response); });
  }
  server.get("/rooms/:room", [&page, max_room_characters](const http::Request& request, http::Response& response) {
    if (is_room_name(request.param("room"), max_room_characters)) {
      serve(page.html(), request, response);
    } else {
      response.send(http::Status::not_found, "no room can have that name\n");
    }
  });
}

bool names_etag(std::string_view if_none_match, std::string_view etag) noexcept {
  while (!if_none_match.empty()) {
    const std::size_t comma = if_none_match.find(',');
    std::string_view tag = if_none_match.substr(0, comma);
    if_none_match.remove_prefix(comma == std::string_view::npos ? if_none_match.size() : comma + 1);
    while (!tag.empty() && (tag.front() == ' ' || tag.front() == '\t')) tag.remove_prefix(1);
    while (!tag.empty() && (tag.back() == ' ' || tag.back() == '\t')) tag.remove_suffix(1);
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag == etag || tag == "*") return true;
  }
  return false;
}

}  // namespace chat
