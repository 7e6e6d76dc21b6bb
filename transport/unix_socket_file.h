#pragma once

#include <sys/types.h>

#include <tidewire/core/result.h>
#include <tidewire/transport/address.h>
#include <string>
#include <utility>

namespace tidewire::transport {

/// The file that a listening Unix socket is reached by.
///
/// A path says nothing about which socket is behind it: another process may have replaced the file meanwhile. So the
/// file is known by its device and inode, and only that one is removed. Processes that start and end at the same time
/// are kept apart by a lock on the folder (flock), which leaves no file behind; where the folder cannot be locked,
/// there is none.
class UnixSocketFile {
 public:
  /// Binds `socket` to the address and listens. A file that a dead process left behind is replaced; one that is in use,
  /// and one that is no socket, is an error. `mode` are the file's access rights.
  static Result<UnixSocketFile> listen(int socket, const Address& address, unsigned mode, int backlog);

  UnixSocketFile(UnixSocketFile&& other) noexcept
      : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_) {}
  UnixSocketFile& operator=(UnixSocketFile&&) = delete;
  ~UnixSocketFile() = default;

  /// Removes the file, if it is still the same. Called before the socket is closed: until then no other file can have
  /// this one's inode.
  void remove() const noexcept;

 private:
  UnixSocketFile(std::string path, dev_t device, ino_t inode) noexcept
      : path_(std::move(path)), device_(device), inode_(inode) {}

  std::string path_;
  dev_t device_;
  ino_t inode_;
};

}  // namespace tidewire::transport
