#include <tidewire/core/error.h>
#include <tidewire/core/poll_set.h>
#include <tidewire/core/result.h>
#include <tidewire/core/standard_streams.h>
#include <tidewire/core/watched.h>

#ifdef __linux__

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace tidewire {
namespace {

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

PollSet::PollSet(int descriptor) : descriptor_(descriptor), events_(new epoll_event[capacity]) {}

PollSet::~PollSet() { ::close(descriptor_); }

int PollSet::add_guest(int descriptor) noexcept {
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  return ::epoll_ctl(descriptor_, EPOLL_CTL_ADD, descriptor, &event) == 0 ? 0 : -errno;
}

int PollSet::add(int descriptor, Watched& watched, unsigned interest) noexcept {
  epoll_event event{.events = events_for(interest), .data = {.ptr = &watched}};
  if (::epoll_ctl(descriptor_, EPOLL_CTL_ADD, descriptor, &event) != 0) return -errno;
  ++members_;
  return 0;
}

int PollSet::renew(int descriptor, Watched& watched, unsigned interest) noexcept {
  epoll_event event{.events = events_for(interest), .data = {.ptr = &watched}};
  return ::epoll_ctl(descriptor_, EPOLL_CTL_MOD, descriptor, &event) == 0 ? 0 : -errno;
}

void PollSet::remove(int descriptor, const Watched& watched) noexcept {
  epoll_event unused{};
  ::epoll_ctl(descriptor_, EPOLL_CTL_DEL, descriptor, &unused);
  --members_;
  // It may be destroyed before they are served.
  epoll_event* const unserved = events_.get() + served_;
  epoll_event* const end = events_.get() + found_;
  found_ = static_cast<int>(std::remove_if(unserved, end, [&](auto& event) { return event.data.ptr == &watched; }) -
                            events_.get());
}

void PollSet::wait(int milliseconds) noexcept {
  std::copy(events_.get() + served_, events_.get() + found_, events_.get());
  found_ -= std::exchange(served_, 0);
  const int room = capacity - found_;
  full_ = room == 0;
  if (full_) return;
  const int count = ::epoll_wait(descriptor_, events_.get() + found_, room, found_ == 0 ? milliseconds : 0);
  full_ = count == room;
  if (count > 0) found_ += count;
}

bool PollSet::serve_one() noexcept {
  if (served_ == found_) return false;
  const epoll_event& event = events_[static_cast<std::size_t>(served_++)];
  auto* watched = static_cast<Watched*>(event.data.ptr);
  if (watched == nullptr) {
    guest_ready_ = true;
  } else {
    watched->on_ready(ready_for(event.events));
  }
  return true;
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
void PollSet::remove(int, const Watched&) noexcept {}
void PollSet::wait(int) noexcept {}
bool PollSet::serve_one() noexcept { return false; }

}  // namespace tidewire

#endif
