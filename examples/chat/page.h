#pragma once

#include <tidewire/tidewire.h>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace chat {

/// A file of the page, in memory.
struct PageFile {
  std::string path;  ///< Where it is served: "/style.css"; "/" for index.html.
  std::string content_type;
  std::string content;
  std::string etag;  ///< With its quotation marks; another one whenever the content is another.
};

/// The page: read when the server starts, so that serving it touches no disk and cannot fail.
struct Page {
  /// Reads the files from a folder; the error names the one that can't be read.
  [[nodiscard]] static tidewire::Result<Page> load(const std::filesystem::path& folder);

  [[nodiscard]] const PageFile& html() const noexcept { return files.front(); }

  std::vector<PageFile> files;  // index.html first.
};

/// Mounts the page on a server that it outlives: at `/`, and at `/rooms/:room` for rooms that can be, so that a link
/// to a room can be passed on.
void mount_page(tidewire::http::Server& server, const Page& page, std::size_t max_room_characters);

/// Whether an If-None-Match field names `etag` (RFC 9110 13.1.2): "*", or a list of tags, which are compared weakly.
[[nodiscard]] bool names_etag(std::string_view if_none_match, std::string_view etag) noexcept;

}  // namespace chat
