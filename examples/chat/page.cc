#include <chat/page.h>
#include <chat/text.h>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <utility>

namespace chat {

using namespace tidewire;

namespace {

/// The page brings all that it needs: nothing is loaded from elsewhere, nothing inline runs, no other page frames
/// it. `ws:` and `wss:` are named because not every browser counts them to 'self'.
constexpr std::string_view content_security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ws: wss:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

Result<PageFile> load_file(const std::filesystem::path& path, std::string content_type) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file || content.empty()) {
    const int why = errno != 0 ? errno : EIO;
    return Error::system(-why, "cannot read the page's file " + path.string());
  }
  const auto digest = tls::sha1(as_bytes(content));
  if (!digest) return digest.error();
  std::string etag = "\"";
  for (const std::byte byte : std::span(*digest).first(12)) {
    etag += "0123456789abcdef"[std::to_integer<unsigned>(byte) >> 4];
    etag += "0123456789abcdef"[std::to_integer<unsigned>(byte) & 15];
  }
  etag += '"';
  return PageFile{std::move(content_type), std::move(content), std::move(etag)};
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
  auto html = load_file(folder / "index.html", "text/html; charset=utf-8");
  if (!html) return html.error();
  auto style = load_file(folder / "style.css", "text/css; charset=utf-8");
  if (!style) return style.error();
  auto script = load_file(folder / "chat.js", "text/javascript; charset=utf-8");
  if (!script) return script.error();
  auto icon = load_file(folder / "icon.svg", "image/svg+xml");
  if (!icon) return icon.error();
  return Page{std::move(*html), std::move(*style), std::move(*script), std::move(*icon)};
}

void mount_page(http::Server& server, const Page& page, std::size_t max_room_characters) {
  const auto file = [](const PageFile& which) {
    return [&which](const http::Request& request, http::Response& response) { serve(which, request, response); };
  };
  server.get("/", file(page.html));
  server.get("/style.css", file(page.style));
  server.get("/chat.js", file(page.script));
  server.get("/icon.svg", file(page.icon));
  server.get("/rooms/:room", [&page, max_room_characters](const http::Request& request, http::Response& response) {
    if (is_room_name(request.param("room"), max_room_characters)) {
      serve(page.html, request, response);
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
