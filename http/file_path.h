#pragma once

#include <tidewire/core/export.h>
#include <tidewire/core/result.h>
#include <filesystem>
#include <string_view>

namespace tidewire::http {

/// Joins to `folder` a path that a client chose: `request.wildcard()` or a decoded parameter.
///
///     const auto path = http::join_path("/srv/www", request.wildcard());
///     if (!path) return response.send(http::Status::not_found);
///
/// Use it instead of the operator `/` of std::filesystem::path, which drops `folder` when the right side begins with a
/// slash: `"/srv/www" / "/etc/passwd"` is "/etc/passwd".
///
/// `name` is decoded text: segments separated by '/'. The result is `folder`, a '/', and `name`, byte for byte; nothing
/// is normalised, and the file system is not asked. An empty `name` is `folder` itself, and one '/' at the end is kept:
/// it asks for a directory. Errors: `invalid_argument` for what could lead elsewhere or name a file in two ways:
/// - a '/' at the beginning, which makes a path absolute, and two in a row;
/// - a segment "." or "..";
/// - NUL, which would end the name for the system, and a backslash, which separates segments on some file systems.
///
/// The result is below `folder` as text. Symbolic links are not resolved: a link in `folder` that leads out of it is
/// followed when the file is opened. Keep links out of folders that are served, above all of those that clients can
/// write to, or open with `openat2` and RESOLVE_BENEATH. Names that begin with a dot are joined: an application that
/// keeps hidden files there refuses them itself. Throws std::bad_alloc.
[[nodiscard]] TIDEWIRE_API Result<std::filesystem::path> join_path(const std::filesystem::path& folder,
                                                                   std::string_view name);

}  // namespace tidewire::http
