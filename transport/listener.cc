#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tidewire/core/watched.h>
#include <tidewire/transport/descriptor.h>
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

Error failed(const Address& address) { return Error::system(-errno, "listen on " + address.to_string()); }

bool set(int descriptor, int level, int option, int value) noexcept {
  return ::setsockopt(descriptor, level, option, &value, sizeof value) == 0;
}

/// Whether the file of a Unix socket was left behind by a process that has gone: nobody answers there.
bool is_stale(const Address& address) noexcept {
  struct stat status {};
  if (::lstat(std::string(address.path()).c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
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
      // Bytes marked urgent are read like all others, in their place, by the sockets accepted here.
      !set(descriptor, SOL_SOCKET, SO_OOBINLINE, 1) ||
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

/// The listening socket. The last callback may destroy the listener: what it runs in outlives it, to the end of
/// the turn.
class Listener::Acceptor final : public Retired, public Watched {
 public:
  Acceptor(int descriptor, OnAccept accept) noexcept : Watched(descriptor), on_accept(std::move(accept)) {}

  using Watched::close_descriptor;
  using Watched::ignore_reading;
  using Watched::watch_reading;

  Listener* listener = nullptr;  // Null once it has gone.
  OnAccept on_accept;

 private:
  void on_ready(Ready) noexcept override {
    // A listener that rests tries by itself.
    if (listener != nullptr && !listener->resting_) listener->accept_some();
  }
};

Result<std::unique_ptr<Listener>> Listener::open(Loop& loop, const Address& address, const ListenOptions& options,
                                                 OnAccept on_accept) {
  Descriptor socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return failed(address);
  auto bound = address.is_unix() ? bind_unix(socket.get(), address, options.unix_mode)
                                 : bind_tcp(socket.get(), address, options);
  if (!bound) return bound.error();
  if (::listen(socket.get(), options.backlog) != 0) {
    const Error error = failed(address);
    if (address.is_unix()) ::unlink(std::string(address.path()).c_str());
    return error;
  }

  const Address at = bound_address(socket.get());
  auto acceptor = std::make_unique<Acceptor>(socket.get(), std::move(on_accept));
  (void)socket.release();
  std::unique_ptr<Listener> listener(new Listener(loop, at, std::move(acceptor)));
  if (address.any_family()) listener->address_ = Address::parse("*:" + std::to_string(at.port())).value();
  if (const int status = listener->acceptor_->watch_reading(loop); status != 0) {
    return Error::system(status, "listen on " + address.to_string());
  }
  return listener;
}

Listener::Listener(Loop& loop, const Address& address, std::unique_ptr<Acceptor> acceptor)
    : loop_(loop), address_(address), acceptor_(std::move(acceptor)) {
  acceptor_->listener = this;
}

Listener::~Listener() {
  acceptor_->listener = nullptr;
  acceptor_->close_descriptor(loop_);
  loop_.retire(std::move(acceptor_));
  if (address_.is_unix()) ::unlink(std::string(address_.path()).c_str());
}

// Tries at once: that nobody waits any more shows only by trying, and ends the rest.
void Listener::on_deadline() noexcept { accept_some(); }

void Listener::accept_some() noexcept {
  const Acceptor& acceptor = *acceptor_;
  for (int count = 0; count < accepts_per_turn; ++count) {
    const int accepted = ::accept4(acceptor.descriptor(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted >= 0) {
      take(accepted);
      // The application may have closed the listener; the acceptor is there until the turn's end.
      if (acceptor.listener == nullptr) return;
      continue;
    }
    switch (errno) {
      case EAGAIN:
        if (resting_) recover();
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
  recover();
}

/// Has the loop tell of who waits now, and of who comes.
void Listener::recover() noexcept {
  if (resting_) loop_.log(LogLevel::info, "accepting connections again");
  resting_.reset();
  if (const int status = acceptor_->watch_reading(loop_); status != 0) rest(-status);
}

void Listener::take(int descriptor) noexcept {
  Descriptor socket(descriptor);
  loop_.guard("new connection",
              [this, &socket] { acceptor_->on_accept(adopt_socket(loop_, std::move(socket), address_.is_unix())); });
}

void Listener::rest(int error) noexcept {
  acceptor_->ignore_reading();
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
