// The measured server's contract on Boost.Beast: one thread, one io_context without locks, completion handlers. TLS and
// deflate are in the streams' type only where they are used; messages are written from the buffer into which they were
// read.

#include <tidewire/bench/command_line.h>
#include <tidewire/bench/http_date.h>
#include <algorithm>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <csignal>
#include <cstdio>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
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
/// Beast's own stream of TLS makes one record of a header and a short payload.
using TlsSocket = beast::ssl_stream<Socket>;
template <class Transport, bool deflates>
using WebSocket = beast::websocket::stream<Transport, deflates>;
using Request = http::request<http::empty_body>;

constexpr std::size_t max_message_bytes = std::size_t{64} << 20;

/// Its buffer for compressed output; a message that takes more goes out in several frames.
constexpr std::size_t write_buffer_bytes = 16 * 1024;
/// As the other libraries have it; Beast's own default is 8.
constexpr int level = 6;

template <class Transport, bool deflates>
void configure(WebSocket<Transport, deflates>& socket, bool takeover) {
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
template <class Transport, bool deflates>
class Echo {
 public:
  Echo(Transport socket, bool takeover) : socket_(std::move(socket)) {
    configure<Transport, deflates>(socket_, takeover);
  }

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

  WebSocket<Transport, deflates> socket_;
  Request request_;
  beast::flat_buffer buffer_;
};

/// What several subscribers are sent.
struct Publication {
  beast::flat_buffer bytes;
  bool text = false;
};

template <class Transport, bool deflates>
class Subscriber;
template <class Transport, bool deflates>
using Subscribers = std::vector<Subscriber<Transport, deflates>*>;

/// It reads and writes at the same time; the handlers under way own it together.
template <class Transport, bool deflates>
class Subscriber {
 public:
  using Self = std::shared_ptr<Subscriber>;

  Subscriber(Transport socket, Subscribers<Transport, deflates>& all, bool takeover)
      : socket_(std::move(socket)), all_(all) {
    configure<Transport, deflates>(socket_, takeover);
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

  WebSocket<Transport, deflates> socket_;
  Subscribers<Transport, deflates>& all_;
  std::weak_ptr<Subscriber> self_;
  std::optional<std::size_t> place_;
  Request request_;
  std::shared_ptr<Publication> incoming_;
  std::deque<std::shared_ptr<const Publication>> outgoing_;
};

/// What connections share.
template <class Transport, bool deflates>
struct Service {
  bool takeover = false;
  asio::ssl::context* tls = nullptr;
  HttpDate date;
  Subscribers<Transport, deflates> subscribers;
};

/// A connection before it is upgraded, if ever. The handler under way owns it.
template <class Transport, bool deflates>
class Session {
 public:
  Session(Transport socket, Service<Transport, deflates>& service) : socket_(std::move(socket)), service_(service) {}

  static void shake_hands(std::unique_ptr<Session> self) {
    auto& held = *self;
    held.socket_.async_handshake(asio::ssl::stream_base::server, [self = std::move(self)](error_code error) mutable {
      if (!error) read(std::move(self));
    });
  }

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
        auto next = std::make_unique<Echo<Transport, deflates>>(std::move(self->socket_), self->service_.takeover);
        return Echo<Transport, deflates>::start(std::move(next), std::move(self->request_));
      }
      if (target == "/broadcast") {
        Service<Transport, deflates>& service = self->service_;
        auto next = std::make_shared<Subscriber<Transport, deflates>>(std::move(self->socket_), service.subscribers,
                                                                      service.takeover);
        return Subscriber<Transport, deflates>::start(std::move(next), std::move(self->request_));
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

  Transport socket_;
  Service<Transport, deflates>& service_;
  beast::flat_buffer buffer_;
  Request request_;
  http::response<http::span_body<const char>> response_;
};

template <class Transport, bool deflates>
void accept(Acceptor& acceptor, Service<Transport, deflates>& service) {
  acceptor.async_accept([&acceptor, &service](error_code error, Socket socket) {
    if (!error) {
      socket.set_option(asio::ip::tcp::no_delay(true), error);
      using Started = Session<Transport, deflates>;
      if constexpr (std::is_same_v<Transport, Socket>) {
        Started::read(std::make_unique<Started>(std::move(socket), service));
      } else {
        Started::shake_hands(std::make_unique<Started>(Transport(std::move(socket), *service.tls), service));
      }
    }
    accept(acceptor, service);
  });
}

template <class Transport, bool deflates>
void serve(int port, bool takeover, asio::ssl::context* tls) {
  Service<Transport, deflates> service;
  service.takeover = takeover;
  service.tls = tls;
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

template <class Transport>
void serve(int port, const tidewire::bench::Deflate& deflate, asio::ssl::context* tls) {
  deflate.on ? serve<Transport, true>(port, deflate.takeover, tls) : serve<Transport, false>(port, false, tls);
}

void serve_tls(int port, const tidewire::bench::Deflate& deflate, const tidewire::bench::Tls& files) {
  asio::ssl::context tls(asio::ssl::context::tls_server);
  tls.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
  tls.use_certificate_chain_file(files.certificate);
  tls.use_private_key_file(files.key, asio::ssl::context::pem);
  serve<TlsSocket>(port, deflate, &tls);
}

}  // namespace

int main(int argc, char** argv) {
  int port = 9001;
  int status = 0;
  CLI::App app("WebSocket echo on /echo, broadcast on /broadcast, and GET /plaintext, on Boost.Beast.", "beast_server");
  tidewire::bench::Deflate deflate;
  tidewire::bench::add_port(app, port);
  tidewire::bench::Tls tls;
  tidewire::bench::add_deflate(app, deflate);
  tidewire::bench::add_tls(app, tls);
  if (!tidewire::bench::parse(app, argc, argv, status)) return status;
  try {
    tls.on() ? serve_tls(port, deflate, tls) : serve<Socket>(port, deflate, nullptr);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "beast_server: cannot serve on port %d: %s\n", port, error.what());
    return 1;
  }
}
