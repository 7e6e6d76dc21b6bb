#include <tidewire/bench/poller.h>
#include <cerrno>
#include <ctime>
#include <utility>

namespace tidewire::bench {
namespace {

constexpr std::size_t most_events = 1024;

int wait_once(int epoll, std::span<epoll_event> events, std::chrono::nanoseconds timeout) {
  // The older call where it will do: valgrind knows no other.
  const auto whole = std::chrono::floor<std::chrono::milliseconds>(timeout);
  const int most = static_cast<int>(events.size());
  if (whole == timeout) return epoll_wait(epoll, events.data(), most, static_cast<int>(whole.count()));
  const auto seconds = std::chrono::floor<std::chrono::seconds>(timeout);
  const timespec time = {.tv_sec = seconds.count(), .tv_nsec = (timeout - seconds).count()};
  return epoll_pwait2(epoll, events.data(), most, &time, nullptr);
}

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
  int count = 0;
  do {
    count = wait_once(epoll_.number(), events_, timeout);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return Error::system(-errno, "waiting for events");
  return std::span<const epoll_event>(events_).first(static_cast<std::size_t>(count));
}

}  // namespace tidewire::bench
