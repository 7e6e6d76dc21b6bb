// The measured server's contract on Boost.Beast: one thread, one io_context without locks, completion handlers. Deflate
// is in the streams' type only where it is used; messages are written from the buffer into which they were read.

#include <tidewire/bench/command_line.h>
#include <tidewire/bench/http_date.h>
#include <algorithm>
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <csignal>
#include <cstdio>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using tidewire::bench::HttpDate;

/// With the io_context's own executor, a handler is called without the polymorphic one's detour.
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
template <bool deflates>
using WebSocket = beast::websocket::stream<Socket, deflates>;
using Request = http::request<http::empty_body>;

constexpr std::size_t max_message_bytes = std::size_t{64} << 20;

/// Its buffer for compressed output; a message that takes more goes out in several frames.
constexpr std::size_t write_buffer_bytes = 16 * 1024;
/// As the other libraries have it; Beast's own default is 8.
constexpr int level = 6;

template <bool deflates>
void configure(WebSocket<deflates>& socket, bool takeover) {
  socket.read_message_max(max_message_bytes);
  if constexpr (deflates) {
    beast::websocket::permessage_deflate options;
    options.server_enable = true;
    options.server_no_context_takeover = !takeover;
    options.client_no_context_takeover = !takeover;
    options.compLevel = level;
    socket.set_option(options);
    socket.write_buffer_bytes(write_buffer_bytes);
  }
  // A message goes out in one frame from where it lies.
  socket.auto_fragment(false);
}

/// One thing at a time happens to an echoing connection, so the handler under way owns it.
template <bool deflates>
class Echo {
 public:
  Echo(Socket socket, bool takeover) : socket_(std::move(socket)) { configure<deflates>(socket_, takeover); }

  static void start(std::unique_ptr<Echo> self, Request request) {
    auto& held = *self;
    held.request_ = std::move(request);
    held.socket_.async_accept(held.request_, [self = std::move(self)](error_code error) mutable {
      if (!error) read(std::move(self));
    });
  }

 private:
  static void read(std::unique_ptr<Echo> self) {
    auto& held = *self;
    held.socket_.async_read(held.buffer_, [self = std::move(self)](error_code error, std::size_t) mutable {
      if (!error) write(std::move(self));
    });
  }

  static void write(std::unique_ptr<Echo> self) {
    auto& held = *self;
    held.socket_.text(held.socket_.got_text());
    held.socket_.async_write(held.buffer_.data(),
                             [self = std::move(self)](error_code error, std::size_t bytes) mutable {
                               if (error) return;
                               self->buffer_.consume(bytes);
                               read(std::move(self));
                             });
  }

  WebSocket<deflates> socket_;
  Request request_;
  beast::flat_buffer buffer_;
};

/// What several subscribers are sent.
struct Publication {
  beast::flat_buffer bytes;
  bool text = false;
};

template <bool deflates>
class Subscriber;
template <bool deflates>
using Subscribers = std::vector<Subscriber<deflates>*>;

/// It reads and writes at the same time; the handlers under way own it together.
template <bool deflates>
class Subscriber {
 public:
  using Self = std::shared_ptr<Subscriber>;

  Subscriber(Socket socket, Subscribers<deflates>& all, bool takeover) : socket_(std::move(socket)), all_(all) {
    configure<deflates>(socket_, takeover);
  }
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;
  ~Subscriber() {
    if (place_) {
      all_[*place_] = all_.back();
      all_[*place_]->place_ = place_;
      all_.pop_back();
    }
  }

  static void start(Self self, Request request) {
    auto& held = *self;
    held.request_ = std::move(request);
    held.socket_.async_accept(held.request_, [self = std::move(self)](error_code error) mutable {
      if (error) return;
      self->place_ = self->all_.size();
      self->all_.push_back(self.get());
      self->self_ = self;
      read(std::move(self));
    });
  }

 private:
  static void read(Self self) {
    auto& held = *self;
    held.incoming_ = std::make_shared<Publication>();
    held.socket_.async_read(held.incoming_->bytes, [self = std::move(self)](error_code error, std::size_t) mutable {
      if (error) return;
      self->incoming_->text = self->socket_.got_text();
      const std::shared_ptr<const Publication> publication = std::move(self->incoming_);
      for (Subscriber* each : self->all_) each->deliver(publication);
      read(std::move(self));
    });
  }

  void deliver(const std::shared_ptr<const Publication>& publication) {
    outgoing_.push_back(publication);
    if (outgoing_.size() == 1) write(self_.lock());
  }

  static void write(Self self) {
    auto& held = *self;
    const Publication& next = *held.outgoing_.front();
    held.socket_.text(next.text);
    held.socket_.async_write(next.bytes.data(), [self = std::move(self)](error_code error, std::size_t) mutable {
      if (error) return;
      self->outgoing_.pop_front();
      if (!self->outgoing_.empty()) write(std::move(self));
    });
  }

  WebSocket<deflates> socket_;
  Subscribers<deflates>& all_;
  std::weak_ptr<Subscriber> self_;
  std::optional<std::size_t> place_;
  Request request_;
  std::shared_ptr<Publication> incoming_;
  std::deque<std::shared_ptr<const Publication>> outgoing_;
};

/// What connections share.
template <bool deflates>
struct Service {
  bool takeover = false;
  HttpDate date;
  Subscribers<deflates> subscribers;
};

/// A connection before it is upgraded, if ever. The handler under way owns it.
template <bool deflates>
class Session {
 public:
  Session(Socket socket, Service<deflates>& service) : socket_(std::move(socket)), service_(service) {}

  static void read(std::unique_ptr<Session> self) {
    auto& held = *self;
    held.request_ = {};
    http::async_read(held.socket_, held.buffer_, held.request_,
                     [self = std::move(self)](error_code error, std::size_t) mutable {
                       if (!error) handle(std::move(self));
                     });
  }

 private:
  static void handle(std::unique_ptr<Session> self) {
    const auto target = self->request_.target();
    if (beast::websocket::is_upgrade(self->request_)) {
      if (target == "/echo") {
        auto next = std::make_unique<Echo<deflates>>(std::move(self->socket_), self->service_.takeover);
        return Echo<deflates>::start(std::move(next), std::move(self->request_));
      }
      if (target == "/broadcast") {
        Service<deflates>& service = self->service_;
        auto next =
            std::make_shared<Subscriber<deflates>>(std::move(self->socket_), service.subscribers, service.takeover);
        return Subscriber<deflates>::start(std::move(next), std::move(self->request_));
      }
    }
    respond(std::move(self), target == "/plaintext" ? http::status::ok : http::status::not_found);
  }

  static void respond(std::unique_ptr<Session> self, http::status status) {
    auto& held = *self;
    const std::string_view body = status == http::status::ok ? "Hello, World!" : "";
    const auto date = held.service_.date.now();
    held.response_.result(status);
    held.response_.set(http::field::server, "beast");
    held.response_.set(http::field::date, beast::string_view(date.data(), date.size()));
    held.response_.set(http::field::content_type, "text/plain; charset=utf-8");
    held.response_.body() = {body.data(), body.size()};
    held.response_.keep_alive(held.request_.keep_alive());
    held.response_.prepare_payload();
    http::async_write(held.socket_, held.response_, [self = std::move(self)](error_code error, std::size_t) mutable {
      if (!error && self->response_.keep_alive()) read(std::move(self));
    });
  }

  Socket socket_;
  Service<deflates>& service_;
  beast::flat_buffer buffer_;
  Request request_;
  http::response<http::span_body<const char>> response_;
};

template <bool deflates>
void accept(Acceptor& acceptor, Service<deflates>& service) {
  acceptor.async_accept([&acceptor, &service](error_code error, Socket socket) {
    if (!error) {
      socket.set_option(asio::ip::tcp::no_delay(true), error);
      Session<deflates>::read(std::make_unique<Session<deflates>>(std::move(socket), service));
    }
    accept(acceptor, service);
  });
}

template <bool deflates>
void serve(int port, bool takeover) {
  Service<deflates> service;
  service.takeover = takeover;
  asio::io_context context(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE);
  const asio::ip::tcp::endpoint endpoint(asio::ip::address_v4::loopback(), static_cast<unsigned short>(port));
  Acceptor acceptor(context.get_executor(), endpoint.protocol());
  acceptor.set_option(asio::socket_base::reuse_address(true));
  acceptor.bind(endpoint);
  acceptor.listen();
  accept(acceptor, service);
  asio::signal_set signals(context, SIGINT, SIGTERM);
  signals.async_wait([&context](error_code, int) { context.stop(); });
  std::printf("beast_server listens on 127.0.0.1:%d\n", int{acceptor.local_endpoint().port()});
  std::fflush(stdout);
  context.run();
}

}  // namespace

int main(int argc, char** argv) {
  int port = 9001;
  int status = 0;
  CLI::App app("WebSocket echo on /echo, broadcast on /broadcast, and GET /plaintext, on Boost.Beast.", "beast_server");
  tidewire::bench::Deflate deflate;
  tidewire::bench::add_port(app, port);
  tidewire::bench::add_deflate(app, deflate);
  if (!tidewire::bench::parse(app, argc, argv, status)) return status;
  try {
    deflate.on ? serve<true>(port, deflate.takeover) : serve<false>(port, false);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "beast_server: cannot listen on port %d: %s\n", port, error.what());
    return 1;
  }
}
