#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tidewire/transport/descriptor.h>
#include <tidewire/transport/unix_socket_file.h>
#include <cerrno>
#include <chrono>
#include <optional>
#include <thread>

namespace tidewire::transport {
namespace {

using namespace std::chrono_literals;

// Another process holds the lock for a few system calls. One that holds it for longer has another use for it.
constexpr int lock_attempts = 100;
constexpr auto lock_pause = 10ms;

Error failed(const Address& address, int error) { return Error::system(-error, "listen on " + address.to_string()); }

/// Locks the folder that a file is in, for as long as it exists.
class FolderLock {
 public:
  FolderLock(const std::string& path, int attempts)
      : folder_(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    while (folder_.get() >= 0 && ::flock(folder_.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno != EWOULDBLOCK) return;
      if (--attempts <= 0) {
        busy_ = true;
        return;
      }
      std::this_thread::sleep_for(lock_pause);
    }
  }

  /// Whether another holds it.
  [[nodiscard]] bool busy() const noexcept { return busy_; }

 private:
  static std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
  }

  Descriptor folder_;
  bool busy_ = false;
};

std::optional<struct stat> status_of(const std::string& path) noexcept {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return std::nullopt;
  return status;
}

bool same_file(const struct stat& status, dev_t device, ino_t inode) noexcept {
  return status.st_dev == device && status.st_ino == inode;
}

/// Removes the file of a socket that no process listens on any more.
void remove_stale(const std::string& path, const Address& address) noexcept {
  const auto status = status_of(path);
  if (!status || !S_ISSOCK(status->st_mode)) return;
  const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (probe.get() < 0 || ::connect(probe.get(), address.data(), address.size()) == 0 || errno != ECONNREFUSED) return;
  const auto now = status_of(path);
  if (now && same_file(*now, status->st_dev, status->st_ino)) ::unlink(path.c_str());
}

}  // namespace

Result<UnixSocketFile> UnixSocketFile::listen(int socket, const Address& address, unsigned mode, int backlog) {
  std::string path(address.path());
  const FolderLock lock(path, lock_attempts);
  if (lock.busy()) return failed(address, EADDRINUSE);
  remove_stale(path, address);
  if (::bind(socket, address.data(), address.size()) != 0) return failed(address, errno);
  // The rights come before the first connection can.
  const auto status = status_of(path);
  if (!status || ::chmod(path.c_str(), mode) != 0 || ::listen(socket, backlog) != 0) {
    const int error = errno;
    ::unlink(path.c_str());
    return failed(address, error);
  }
  return UnixSocketFile(std::move(path), status->st_dev, status->st_ino);
}

void UnixSocketFile::remove() const noexcept {
  if (path_.empty()) return;
  try {
    // Without waiting: this may be a loop's thread.
    const FolderLock lock(path_, 1);
    const auto status = status_of(path_);
    if (status && same_file(*status, device_, inode_)) ::unlink(path_.c_str());
  } catch (const std::bad_alloc&) {
    // The next process that listens there replaces it.
    return;
  }
}

}  // namespace tidewire::transport
