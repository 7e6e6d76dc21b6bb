#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <doctest/doctest.h>
#include <support/descriptor.h>
#include <support/socket_folder.h>
#include <tidewire/transport/unix_socket_file.h>
#include <string>
#include <utility>

using namespace tidewire;
using namespace tidewire::testing;
using transport::Address;
using transport::UnixSocketFile;

namespace {

Descriptor unix_socket() { return Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

}  // namespace

TEST_CASE("a socket's file has its rights, is connected to, and is removed once") {
  const SocketFolder folder;
  const Descriptor socket = unix_socket();
  const auto file = UnixSocketFile::listen(socket.get(), folder.address(), 0640, 8).value();
  struct stat status {};
  REQUIRE(::lstat(folder.path().c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0640);
  CHECK(connect_to(folder.address()).get() >= 0);
  file.remove();
  CHECK_FALSE(exists(folder.path()));
  file.remove();
}

TEST_CASE("a file that took the place of ours is not removed, nor by an object that was moved from") {
  const SocketFolder folder;
  const Descriptor socket = unix_socket();
  auto file = UnixSocketFile::listen(socket.get(), folder.address(), 0600, 8).value();
  const UnixSocketFile moved(std::move(file));
  file.remove();
  CHECK(exists(folder.path()));
  ::unlink(folder.path().c_str());
  const Descriptor other(::open(folder.path().c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  moved.remove();
  CHECK(exists(folder.path()));
}

TEST_CASE("a folder that another process keeps locked is an address in use, and its files are removed all the same") {
  const SocketFolder folder;
  const Descriptor socket = unix_socket();
  const auto file = UnixSocketFile::listen(socket.get(), folder.address(), 0600, 8).value();
  const Descriptor lock(::open(folder.name.c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(::flock(lock.get(), LOCK_EX) == 0);
  const Descriptor another = unix_socket();
  const auto refused = UnixSocketFile::listen(another.get(), folder.address(), 0600, 8);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == std::errc::address_in_use);
  file.remove();
  CHECK_FALSE(exists(folder.path()));
}
