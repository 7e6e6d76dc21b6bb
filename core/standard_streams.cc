#include <fcntl.h>
#include <unistd.h>

#include <tidewire/core/standard_streams.h>
#include <cerrno>

namespace tidewire {

int above_standard_streams(int descriptor) noexcept {
  if (descriptor < 0 || descriptor >= standard_streams) return descriptor;
  const int moved = ::fcntl(descriptor, F_DUPFD_CLOEXEC, standard_streams);
  const int error = errno;
  ::close(descriptor);
  errno = error;
  return moved;
}

HeldStandardStreams::HeldStandardStreams() noexcept {
  for (int stream = 0; stream < standard_streams; ++stream) {
    if (::fcntl(stream, F_GETFD) != -1 || errno != EBADF) continue;
    // The lowest number that is free is this one.
    const int opened = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (opened == stream) {
      held_[static_cast<std::size_t>(stream)] = true;
    } else if (opened >= 0) {
      ::close(opened);
    }
  }
}

HeldStandardStreams::~HeldStandardStreams() {
  for (int stream = 0; stream < standard_streams; ++stream) {
    if (held_[static_cast<std::size_t>(stream)]) ::close(stream);
  }
}

}  // namespace tidewire
