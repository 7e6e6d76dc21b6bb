#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include <tidewire/transport/listener.h>
#include <tidewire/transport/socket_stream.h>
#include <cerrno>
#include <string>
#include <utility>

namespace tidewire::transport {
namespace {

using namespace std::chrono_literals;

// Connections accepted in a row before those that are open have their turn again.
constexpr int accepts_per_turn = 64;
// Long enough not to be a busy loop, short enough not to be noticed when a descriptor comes free.
constexpr auto rest_time = 100ms;

class Socket {
 public:
  explicit Socket(int descriptor) noexcept : descriptor_(descriptor) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  [[nodiscard]] int get() const noexcept { return descriptor_; }
  int release() noexcept { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

Error failed(const Address& address) { return Error::system(-errno, "listen on " + address.to_string()); }

bool set(int descriptor, int level, int option, int value) noexcept {
  return ::setsockopt(descriptor, level, option, &value, sizeof value) == 0;
}

/// Whether the file of a Unix socket was left behind by a process that has gone: nobody answers there.
bool is_stale(const Address& address) noexcept {
  struct stat status {};
  if (::lstat(std::string(address.path()).c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const Socket probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  return probe.get() >= 0 && ::connect(probe.get(), address.data(), address.size()) != 0 && errno == ECONNREFUSED;
}

Result<void> bind_unix(int descriptor, const Address& address, unsigned mode) {
  const std::string path(address.path());
  if (is_stale(address)) ::unlink(path.c_str());
  if (::bind(descriptor, address.data(), address.size()) != 0) return failed(address);
  if (::chmod(path.c_str(), mode) != 0) {
    const Error error = failed(address);
    ::unlink(path.c_str());
    return error;
  }
  return {};
}

Result<void> bind_tcp(int descriptor, const Address& address, const ListenOptions& options) {
  const bool v6 = address.family() == AF_INET6;
  const bool only = options.ipv6_only || !address.any_family();
  if (!set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1) || (v6 && !set(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, only)) ||
      (options.no_delay && !set(descriptor, IPPROTO_TCP, TCP_NODELAY, 1)) ||
      ::bind(descriptor, address.data(), address.size()) != 0) {
    return failed(address);
  }
  return {};
}

Address bound_address(int descriptor) noexcept {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* generic = reinterpret_cast<sockaddr*>(&storage);
  return ::getsockname(descriptor, generic, &size) == 0 ? Address::from(generic, size) : Address();
}

}  // namespace

/// The last callback may destroy the listener: what it runs in outlives it.
struct Listener::Poll {
  Listener* listener;
  OnAccept on_accept;
  uv_poll_t handle{};
};

Result<std::unique_ptr<Listener>> Listener::open(Loop& loop, const Address& address, const ListenOptions& options,
                                                 OnAccept on_accept) {
  Socket socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return failed(address);
  auto bound = address.is_unix() ? bind_unix(socket.get(), address, options.unix_mode)
                                 : bind_tcp(socket.get(), address, options);
  if (!bound) return bound.error();
  if (::listen(socket.get(), options.backlog) != 0) {
    const Error error = failed(address);
    if (address.is_unix()) ::unlink(std::string(address.path()).c_str());
    return error;
  }

  std::unique_ptr<Listener> listener(new Listener(loop, socket.release()));
  listener->address_ = address.any_family() ? address : bound_address(listener->descriptor_);
  if (address.any_family()) {
    const std::uint16_t port = bound_address(listener->descriptor_).port();
    listener->address_ = Address::parse("*:" + std::to_string(port)).value();
  }
  auto poll = std::make_unique<Poll>(Poll{.listener = listener.get(), .on_accept = std::move(on_accept)});
  poll->handle.data = poll.get();
  if (const int status = uv_poll_init(loop.native(), &poll->handle, listener->descriptor_); status != 0) {
    return Error::system(status, "listen on " + address.to_string());
  }
  listener->poll_ = poll.release();
  listener->watch();
  return listener;
}

Listener::Listener(Loop& loop, int descriptor) : loop_(loop), descriptor_(descriptor) {}

Listener::~Listener() {
  if (poll_ != nullptr) {
    poll_->listener = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&poll_->handle),
             [](uv_handle_t* handle) { delete static_cast<Poll*>(handle->data); });
  }
  if (address_.is_unix()) ::unlink(std::string(address_.path()).c_str());
  ::close(descriptor_);
}

void Listener::watch() noexcept {
  uv_poll_start(&poll_->handle, UV_READABLE, [](uv_poll_t* handle, int, int) {
    if (Listener* listener = static_cast<Poll*>(handle->data)->listener) listener->accept_some();
  });
}

// Tries at once: that nobody waits any more shows only by trying, and ends the rest.
void Listener::on_deadline() noexcept {
  watch();
  accept_some();
}

void Listener::accept_some() noexcept {
  const Poll* alive = poll_;
  for (int count = 0; count < accepts_per_turn; ++count) {
    const int accepted = ::accept4(descriptor_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted >= 0) {
      take(accepted);
      // The application may have closed the listener; its libuv handle is there until the turn's end.
      if (alive->listener == nullptr) return;
      continue;
    }
    switch (errno) {
      case EAGAIN:
        if (resting_) loop_.log(LogLevel::info, "accepting connections again");
        resting_.reset();
        return;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        return rest(errno);
      default:
        // ECONNABORTED and, by accept(2), the network errors that a new connection already had.
        continue;
    }
  }
}

void Listener::take(int descriptor) noexcept {
  loop_.guard("new connection", [this, descriptor] {
    auto stream = adopt_socket(loop_, descriptor, address_.is_unix());
    if (!stream) return loop_.log(LogLevel::warning, stream.error().message());
    poll_->on_accept(*std::move(stream));
  });
}

void Listener::rest(int error) noexcept {
  uv_poll_stop(&poll_->handle);
  // While nothing is polled, a listener must not look to the loop as if it were not there.
  if (!resting_) {
    resting_.emplace(loop_);
    loop_.guard("listener", [this, error] {
      const std::string what = "cannot accept connections on " + address_.to_string() + ", pausing until it works";
      loop_.log(LogLevel::warning, Error::system(-error, what).message());
    });
  }
  loop_.arm(*this, rest_time);
}

}  // namespace tidewire::transport
