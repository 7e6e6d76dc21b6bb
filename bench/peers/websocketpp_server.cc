// The measured server's contract on websocketpp: one thread without locks, no logs, no TLS. Deflate is in the
// configuration only where it is used; with it or without, a broadcast's frame is made once and not compressed, and all
// subscribers' queues refer to it.

#include <tidewire/bench/command_line.h>
#include <tidewire/bench/http_date.h>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <unordered_set>
#include <websocketpp/concurrency/none.hpp>
#include <websocketpp/config/asio_no_tls.hpp>
#include <websocketpp/extensions/permessage_deflate/enabled.hpp>
#include <websocketpp/logger/stub.hpp>
#include <websocketpp/server.hpp>

namespace {

namespace asio = websocketpp::lib::asio;

/// What the library's own configuration leaves on, this one turns off.
struct Configuration : websocketpp::config::asio {
  using type = Configuration;
  using concurrency_type = websocketpp::concurrency::none;
  using alog_type = websocketpp::log::stub;
  using elog_type = websocketpp::log::stub;

  struct transport_config : websocketpp::config::asio::transport_config {  // NOLINT: the library gives the name
    using concurrency_type = type::concurrency_type;
    using alog_type = type::alog_type;
    using elog_type = type::elog_type;
    static const bool enable_multithreading = false;
  };
  using transport_type = websocketpp::transport::asio::endpoint<transport_config>;

  static const std::size_t connection_read_buffer_size = 64 * 1024;
  static const std::size_t max_message_size = 64 * 1024 * 1024;
};

/// Clients have takeover unless they offer to go without; there is nothing to say about it here. An echo is compressed
/// when what it answers was.
struct DeflatingConfiguration : Configuration {
  using type = DeflatingConfiguration;
  using permessage_deflate_type =
      websocketpp::extensions::permessage_deflate::enabled<Configuration::permessage_deflate_config>;
};

using websocketpp::connection_hdl;

template <class Configured>
class Service {
 public:
  using Server = websocketpp::server<Configured>;
  using Connection = typename Server::connection_type;
  using Message = typename Configured::message_type;

  explicit Service(Server& server) : server_(server) {
    server_.set_open_handler([this](const connection_hdl& handle) { on_open(server_.get_con_from_hdl(handle)); });
    server_.set_http_handler([this](const connection_hdl& handle) { on_http(*server_.get_con_from_hdl(handle)); });
    server_.set_validate_handler([this](const connection_hdl& handle) {
      const std::string& path = server_.get_con_from_hdl(handle)->get_resource();
      return path == "/echo" || path == "/broadcast";
    });
  }

 private:
  void on_open(const typename Server::connection_ptr& connection) {
    // The connection itself keeps the handlers.
    Connection* self = connection.get();
    if (connection->get_resource() == "/echo") {
      connection->set_message_handler(
          [self](const connection_hdl&, const typename Message::ptr& message) { self->send(message); });
      return;
    }
    subscribers_.insert(self);
    connection->set_close_handler([this, self](const connection_hdl&) { subscribers_.erase(self); });
    connection->set_message_handler(
        [this](const connection_hdl&, const typename Message::ptr& message) { publish(*message); });
  }

  void publish(const Message& message) {
    const auto prepared = std::make_shared<Message>(typename Message::con_msg_man_ptr(), message.get_opcode());
    const std::string& payload = message.get_payload();
    const websocketpp::frame::basic_header header(message.get_opcode(), payload.size(), true, false);
    const websocketpp::frame::extended_header extended(payload.size());
    prepared->set_header(websocketpp::frame::prepare_header(header, extended));
    prepared->set_payload(payload);
    prepared->set_prepared(true);
    for (Connection* each : subscribers_) each->send(prepared);
  }

  /// The library ends the connection after each response.
  void on_http(Connection& connection) {
    if (connection.get_resource() != "/plaintext") {
      connection.set_status(websocketpp::http::status_code::not_found);
      return;
    }
    connection.set_status(websocketpp::http::status_code::ok);
    connection.append_header("Date", std::string(date_.now()));
    connection.append_header("Content-Type", "text/plain; charset=utf-8");
    connection.set_body("Hello, World!");
  }

  Server& server_;
  tidewire::bench::HttpDate date_;
  std::unordered_set<Connection*> subscribers_;
};

template <class Configured>
void serve(int port) {
  asio::io_context context(1);
  typename Service<Configured>::Server server;
  server.init_asio(&context);
  server.set_reuse_addr(true);
  // Accepted sockets inherit it.
  server.set_tcp_pre_bind_handler([](const std::shared_ptr<asio::ip::tcp::acceptor>& acceptor) {
    asio::error_code error;
    acceptor->set_option(asio::ip::tcp::no_delay(true), error);
    return error;
  });
  Service<Configured> service(server);
  const asio::ip::tcp::endpoint endpoint(asio::ip::address_v4::loopback(), static_cast<unsigned short>(port));
  server.listen(endpoint);
  server.start_accept();
  asio::signal_set signals(context, SIGINT, SIGTERM);
  signals.async_wait([&context](asio::error_code, int) { context.stop(); });
  asio::error_code ignored;
  std::printf("websocketpp_server listens on 127.0.0.1:%d\n", int{server.get_local_endpoint(ignored).port()});
  std::fflush(stdout);
  context.run();
}

}  // namespace

int main(int argc, char** argv) {
  int port = 9001;
  int status = 0;
  CLI::App app("WebSocket echo on /echo, broadcast on /broadcast, and GET /plaintext, on websocketpp.",
               "websocketpp_server");
  tidewire::bench::Deflate deflate;
  tidewire::bench::add_port(app, port);
  tidewire::bench::add_deflate(app, deflate);
  if (!tidewire::bench::parse(app, argc, argv, status)) return status;
  try {
    deflate.on ? serve<DeflatingConfiguration>(port) : serve<Configuration>(port);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "websocketpp_server: cannot listen on port %d: %s\n", port, error.what());
    return 1;
  }
}
