#include <tidewire/core/error.h>
#include <tidewire/core/poll_set.h>
#include <tidewire/core/result.h>
#include <tidewire/core/standard_streams.h>
#include <tidewire/core/watched.h>

#ifdef __linux__

#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace tidewire {
namespace {

// More that are ready have their turn next; libuv's handles and what was written must not wait for too many.
constexpr int events_per_turn = 256;

std::uint32_t events_for(unsigned interest) noexcept {
  std::uint32_t events = EPOLLET;
  if ((interest & PollSet::reading) != 0) events |= EPOLLIN | EPOLLRDHUP | EPOLLPRI;
  if ((interest & PollSet::writing) != 0) events |= EPOLLOUT;
  return events;
}

Ready ready_for(std::uint32_t events) noexcept {
  const bool ended = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  return {.readable = ended || (events & EPOLLIN) != 0,
          .writable = (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0,
          .ended = ended,
          .broken = (events & EPOLLERR) != 0,
          .urgent = (events & EPOLLPRI) != 0};
}

}  // namespace

std::unique_ptr<PollSet> PollSet::make() {
  const int descriptor = above_standard_streams(::epoll_create1(EPOLL_CLOEXEC));
  if (descriptor < 0) throw Failure(Error::system(-errno, "event loop"));
  return std::unique_ptr<PollSet>(new PollSet(descriptor));
}

PollSet::PollSet(int descriptor) : descriptor_(descriptor), events_(new epoll_event[events_per_turn]) {}

PollSet::~PollSet() { ::close(descriptor_); }

int PollSet::add_guest(int descriptor) noexcept {
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  return ::epoll_ctl(descriptor_, EPOLL_CTL_ADD, descriptor, &event) == 0 ? 0 : -errno;
}

int PollSet::add(int descriptor, Watched& watched, unsigned interest) noexcept {
  epoll_event event{.events = events_for(interest), .data = {.ptr = &watched}};
  return ::epoll_ctl(descriptor_, EPOLL_CTL_ADD, descriptor, &event) == 0 ? 0 : -errno;
}

int PollSet::renew(int descriptor, Watched& watched, unsigned interest) noexcept {
  epoll_event event{.events = events_for(interest), .data = {.ptr = &watched}};
  return ::epoll_ctl(descriptor_, EPOLL_CTL_MOD, descriptor, &event) == 0 ? 0 : -errno;
}

void PollSet::remove(int descriptor) noexcept {
  epoll_event unused{};
  ::epoll_ctl(descriptor_, EPOLL_CTL_DEL, descriptor, &unused);
}

void PollSet::wait(int milliseconds) noexcept {
  ready_ = ::epoll_wait(descriptor_, events_.get(), events_per_turn, milliseconds);
}

bool PollSet::dispatch() noexcept {
  bool guest_ready = false;
  const int count = std::exchange(ready_, 0);
  for (int index = 0; index < count; ++index) {
    const epoll_event& event = events_[static_cast<std::size_t>(index)];
    auto* watched = static_cast<Watched*>(event.data.ptr);
    if (watched == nullptr) {
      guest_ready = true;
    } else if (watched->descriptor() >= 0) {
      watched->on_ready(ready_for(event.events));
    }
  }
  return guest_ready;
}

}  // namespace tidewire

#else

struct epoll_event {};

namespace tidewire {

std::unique_ptr<PollSet> PollSet::make() { return nullptr; }
PollSet::~PollSet() = default;

// None is ever made.
int PollSet::add_guest(int) noexcept { return 0; }
int PollSet::add(int, Watched&, unsigned) noexcept { return 0; }
int PollSet::renew(int, Watched&, unsigned) noexcept { return 0; }
void PollSet::remove(int) noexcept {}
void PollSet::wait(int) noexcept {}
bool PollSet::dispatch() noexcept { return false; }

}  // namespace tidewire

#endif
