#include <tidewire/bench/poller.h>
#include <cerrno>
#include <ctime>
#include <utility>

namespace tidewire::bench {
namespace {

constexpr std::size_t most_events = 1024;

}  // namespace

Poller::Poller(Descriptor epoll) : epoll_(std::move(epoll)), events_(most_events) {}

Result<Poller> Poller::create() {
  Descriptor epoll(epoll_create1(EPOLL_CLOEXEC));
  if (epoll.number() < 0) return Error::system(-errno, "epoll_create1");
  return Poller(std::move(epoll));
}

Result<void> Poller::add(int descriptor, void* what) {
  epoll_event event = {};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = what;
  if (epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, descriptor, &event) != 0) return Error::system(-errno, "epoll_ctl");
  return {};
}

Result<std::span<const epoll_event>> Poller::wait(std::chrono::nanoseconds timeout) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(timeout);
  const timespec time = {.tv_sec = seconds.count(), .tv_nsec = (timeout - seconds).count()};
  int count = 0;
  do {
    count = epoll_pwait2(epoll_.number(), events_.data(), static_cast<int>(events_.size()), &time, nullptr);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return Error::system(-errno, "epoll_pwait2");
  return std::span<const epoll_event>(events_).first(static_cast<std::size_t>(count));
}

}  // namespace tidewire::bench
