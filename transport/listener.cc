#include <netinet/in.h>
#include <netinet/tcp.h>

#include <tidewire/core/log_limit.h>
#include <tidewire/core/standard_streams.h>
#include <tidewire/core/watched.h>
#include <tidewire/transport/descriptor.h>
#include <tidewire/transport/listener.h>
#include <tidewire/transport/socket_stream.h>
#include <tidewire/transport/unix_socket_file.h>
#include <cerrno>
#include <string>
#include <utility>

namespace tidewire::transport {
namespace {

using namespace std::chrono_literals;

// Long enough not to be a busy loop, short enough not to be noticed when a descriptor comes free.
constexpr auto rest_time = 100ms;

Error failed(const Address& address) { return Error::system(-errno, "listen on " + address.to_string()); }

bool set(int descriptor, int level, int option, int value) noexcept {
  return ::setsockopt(descriptor, level, option, &value, sizeof value) == 0;
}

/// Whether `error`, of accept, is that of a connection which has gone, so that the next one may do better: "errors
/// already pending on the new socket", and a firewall's EPERM (accept(2)).
bool is_of_one_connection(int error) noexcept {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPERM:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case ETIMEDOUT:
#ifdef ENONET
    case ENONET:
#endif
      return true;
    default:
      return false;
  }
}

Result<void> listen_tcp(int descriptor, const Address& address, const ListenOptions& options) {
  const bool v6 = address.family() == AF_INET6;
  const bool only = options.ipv6_only || !address.any_family();
  if (!set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1) || (v6 && !set(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, only)) ||
      // Bytes marked urgent are read like all others, in their place, by the sockets accepted here.
      !set(descriptor, SOL_SOCKET, SO_OOBINLINE, 1) ||
      (options.reuse_port && !set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1)) ||
      (options.no_delay && !set(descriptor, IPPROTO_TCP, TCP_NODELAY, 1)) ||
      ::bind(descriptor, address.data(), address.size()) != 0 || ::listen(descriptor, options.backlog) != 0) {
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
  Acceptor(int descriptor, OnAccept accept, std::optional<UnixSocketFile> at) noexcept
      : Watched(descriptor), on_accept(std::move(accept)), file(std::move(at)) {}

  using Watched::close_descriptor;
  using Watched::ignore_reading;
  using Watched::watch_reading;

  Listener* listener = nullptr;  // Null once it has gone.
  OnAccept on_accept;
  const std::optional<UnixSocketFile> file;

 private:
  void on_ready(Ready) noexcept override {
    // A listener that rests tries by itself.
    if (listener != nullptr && !listener->resting_) listener->accept_some();
  }
};

Result<std::unique_ptr<Listener>> Listener::open(Loop& loop, const Address& address, const ListenOptions& options,
                                                 OnAccept on_accept) {
  if (loop.inherited()) {
    return Error{Errc::misuse, "listen on " + address.to_string() + " in a child process, on the parent's loop"};
  }
  Descriptor socket(above_standard_streams(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)));
  if (socket.get() < 0) return failed(address);
  std::optional<UnixSocketFile> file;
  if (address.is_unix()) {
    auto made = UnixSocketFile::listen(socket.get(), address, options.unix_mode, options.backlog);
    if (!made) return made.error();
    file.emplace(*std::move(made));
  } else if (auto listening = listen_tcp(socket.get(), address, options); !listening) {
    return listening.error();
  }

  const Address at = bound_address(socket.get());
  auto acceptor = std::make_unique<Acceptor>(socket.get(), std::move(on_accept), std::move(file));
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
  // In a child process the file is the parent's.
  if (acceptor_->file && !loop_.inherited()) acceptor_->file->remove();
  acceptor_->close_descriptor(loop_);
  loop_.retire(std::move(acceptor_));
}

// Tries at once: that nobody waits any more shows only by trying, and ends the rest.
void Listener::on_deadline() noexcept {
  loop_.budget().begin_slice();
  accept_some();
}

void Listener::accept_some() noexcept {
  const Acceptor& acceptor = *acceptor_;
  int failure = 0;
  bool accepted_any = false;
  Budget& budget = loop_.budget();
  while (!budget.spent()) {
    budget.charge(work::accept);
    const int accepted =
        above_standard_streams(::accept4(acceptor.descriptor(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (accepted >= 0) {
      accepted_any = true;
      take(accepted);
      // The application may have closed the listener; the acceptor is there until the turn's end.
      if (acceptor.listener == nullptr) return;
      continue;
    }
    failure = errno;
    if (failure == EAGAIN) {
      if (resting_) recover();
      return;
    }
    if (!is_of_one_connection(failure)) return rest(failure);
  }
  // A slice of nothing but failures is the system's, whatever it calls them.
  accepted_any || failure == 0 ? recover() : rest(failure);
}

/// Has the loop tell of who waits now, and of who comes.
void Listener::recover() noexcept {
  if (resting_) log_limited(loop_, LogLevel::info, "accepting connections again");
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
    log_limited(loop_, LogLevel::warning, "cannot accept connections", [this, error] {
      const std::string what = "cannot accept connections on " + address_.to_string() + ", pausing until it works";
      return Error::system(-error, what).message();
    });
  }
  loop_.arm(*this, rest_time);
}

}  // namespace tidewire::transport
