// The measured server's contract on libwebsockets, with its own loop over poll. Writing only when the library says that
// one can, as it asks for, but then all that waits; a broadcast's message lies in memory once.

#include <libwebsockets.h>
#include <tidewire/bench/command_line.h>
#include <tidewire/bench/http_date.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t max_message_bytes = std::size_t{64} << 20;
/// With so much waiting for a connection, no more is read from it.
constexpr std::size_t enough_output_bytes = std::size_t{1} << 20;
constexpr unsigned receive_bytes = 64 * 1024;
/// As a power of two: so much is inflated or deflated at once.
constexpr const char* deflate_buffer = "16";
/// A message of more may leave some of its output for the next time, and others then have to wait.
constexpr std::size_t most_deflated_at_once = 32 * 1024;

/// A message, behind the room in which the library writes a frame's header.
class Message {
 public:
  void append(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const unsigned char*>(data);
    bytes_.insert(bytes_.end(), bytes, bytes + size);
  }
  void clear() { bytes_.resize(LWS_PRE); }
  [[nodiscard]] unsigned char* payload() { return bytes_.data() + LWS_PRE; }
  [[nodiscard]] std::size_t size() const { return bytes_.size() - LWS_PRE; }

  bool binary = false;

 private:
  std::vector<unsigned char> bytes_ = std::vector<unsigned char>(LWS_PRE);
};

struct Session {
  bool subscribed = false;
  bool paused = false;
  std::shared_ptr<Message> incoming;
  std::deque<std::shared_ptr<Message>> outgoing;
  std::size_t outgoing_bytes = 0;
};

class Service {
 public:
  explicit Service(bool deflates) : deflates_(deflates) {}

  int on_http(lws* socket, std::string_view path);
  int on_open(lws* socket, Session*& session);
  int on_receive(lws* socket, Session& session, const void* data, std::size_t size);
  int on_writable(lws* socket, Session& session);
  void on_close(lws* socket, Session*& session);

 private:
  static void send(lws* socket, Session& session, std::shared_ptr<Message> message);
  std::shared_ptr<Message> blank_message();
  void recycle(std::shared_ptr<Message> message);

  bool deflates_;
  std::vector<lws*> subscribers_;
  std::vector<std::shared_ptr<Message>> spare_;
  tidewire::bench::HttpDate date_;
};

/// What the library keeps for each connection: one pointer.
Session*& session_of(void* user) { return *static_cast<Session**>(user); }

int Service::on_http(lws* socket, std::string_view path) {
  constexpr std::string_view body = "Hello, World!";
  if (path != "/plaintext") {
    if (lws_return_http_status(socket, HTTP_STATUS_NOT_FOUND, nullptr) != 0) return -1;
    return lws_http_transaction_completed(socket);
  }
  std::array<unsigned char, LWS_PRE + 512> buffer;
  unsigned char* const start = buffer.data() + LWS_PRE;
  unsigned char* const end = buffer.data() + buffer.size();
  unsigned char* at = start;
  const std::string_view date = date_.now();
  if (lws_add_http_common_headers(socket, HTTP_STATUS_OK, "text/plain; charset=utf-8", body.size(), &at, end) != 0 ||
      lws_add_http_header_by_token(socket, WSI_TOKEN_HTTP_DATE, reinterpret_cast<const unsigned char*>(date.data()),
                                   static_cast<int>(date.size()), &at, end) != 0 ||
      lws_finalize_http_header(socket, &at, end) != 0) {
    return -1;
  }
  // Head and body in one piece: one system call.
  at = std::copy(body.begin(), body.end(), at);
  if (lws_write(socket, start, static_cast<std::size_t>(at - start), LWS_WRITE_HTTP_HEADERS) < 0) return -1;
  return lws_http_transaction_completed(socket);
}

int Service::on_open(lws* socket, Session*& session) {
  std::array<char, 16> path = {};
  lws_hdr_copy(socket, path.data(), static_cast<int>(path.size()), WSI_TOKEN_GET_URI);
  const std::string_view name(path.data());
  if (name != "/echo" && name != "/broadcast") return -1;
  if (deflates_) {
    lws_set_extension_option(socket, "permessage-deflate", "rx_buf_size", deflate_buffer);
    lws_set_extension_option(socket, "permessage-deflate", "tx_buf_size", deflate_buffer);
  }
  session = std::make_unique<Session>().release();  // Until on_close.
  session->subscribed = name == "/broadcast";
  if (session->subscribed) subscribers_.push_back(socket);
  return 0;
}

void Service::on_close(lws* socket, Session*& session) {
  if (session == nullptr) return;
  if (session->subscribed) std::erase(subscribers_, socket);
  delete std::exchange(session, nullptr);
}

int Service::on_receive(lws* socket, Session& session, const void* data, std::size_t size) {
  if (!session.incoming) session.incoming = blank_message();
  if (session.incoming->size() + size > max_message_bytes) return -1;
  session.incoming->append(data, size);
  if (lws_is_final_fragment(socket) == 0 || lws_remaining_packet_payload(socket) != 0) return 0;

  session.incoming->binary = lws_frame_is_binary(socket) != 0;
  const std::shared_ptr<Message> message = std::exchange(session.incoming, nullptr);
  if (session.subscribed) {
    for (lws* each : subscribers_) send(each, *session_of(lws_wsi_user(each)), message);
  } else {
    send(socket, session, message);
    if (session.outgoing_bytes >= enough_output_bytes && !session.paused) {
      session.paused = true;
      lws_rx_flow_control(socket, 0);
    }
  }
  return 0;
}

void Service::send(lws* socket, Session& session, std::shared_ptr<Message> message) {
  session.outgoing_bytes += message->size();
  session.outgoing.push_back(std::move(message));
  if (session.outgoing.size() == 1) lws_callback_on_writable(socket);
}

int Service::on_writable(lws* socket, Session& session) {
  // What the socket does not take, the library keeps and sends by itself; more would be copied behind it.
  while (!session.outgoing.empty() && lws_partial_buffered(socket) == 0) {
    std::shared_ptr<Message> message = std::move(session.outgoing.front());
    session.outgoing.pop_front();
    session.outgoing_bytes -= message->size();
    const lws_write_protocol kind = message->binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
    const std::size_t size = message->size();
    if (lws_write(socket, message->payload(), size, kind) < 0) return -1;
    recycle(std::move(message));
    if (deflates_ && size > most_deflated_at_once) break;
  }
  if (!session.outgoing.empty()) {
    lws_callback_on_writable(socket);
  } else if (session.paused) {
    session.paused = false;
    lws_rx_flow_control(socket, 1);
  }
  return 0;
}

std::shared_ptr<Message> Service::blank_message() {
  if (spare_.empty()) return std::make_shared<Message>();
  std::shared_ptr<Message> message = std::move(spare_.back());
  spare_.pop_back();
  message->clear();
  return message;
}

void Service::recycle(std::shared_ptr<Message> message) {
  constexpr std::size_t most = 64;
  if (message.use_count() == 1 && spare_.size() < most) spare_.push_back(std::move(message));
}

int on_event(lws* socket, lws_callback_reasons reason, void* user, void* data, std::size_t size) {
  auto& service = *static_cast<Service*>(lws_context_user(lws_get_context(socket)));
  switch (reason) {
    case LWS_CALLBACK_HTTP:
      return service.on_http(socket, std::string_view(static_cast<const char*>(data), size));
    case LWS_CALLBACK_ESTABLISHED:
      return service.on_open(socket, session_of(user));
    case LWS_CALLBACK_RECEIVE:
      return service.on_receive(socket, *session_of(user), data, size);
    case LWS_CALLBACK_SERVER_WRITEABLE:
      return service.on_writable(socket, *session_of(user));
    case LWS_CALLBACK_CLOSED:
      service.on_close(socket, session_of(user));
      return 0;
    default:
      return lws_callback_http_dummy(socket, reason, user, data, size);
  }
}

/// The context that a signal ends; a handler has no other way to it.
std::atomic<lws_context*> running = nullptr;

void end_running(int) {
  if (lws_context* context = running.exchange(nullptr)) lws_cancel_service(context);
}

int serve(int port, const tidewire::bench::Deflate& deflate, const tidewire::bench::Tls& tls) {
  Service service(deflate.on);
  const std::array<lws_protocols, 2> protocols = {
      lws_protocols{"default", on_event, sizeof(Session*), receive_bytes, 0, nullptr, 0},
      lws_protocols{nullptr, nullptr, 0, 0, 0, nullptr, 0}};
  // Without takeover where the client offers that, which the library then agrees to.
  const std::array<lws_extension, 2> extensions = {
      lws_extension{"permessage-deflate", lws_extension_callback_pm_deflate, "permessage-deflate"},
      lws_extension{nullptr, nullptr, nullptr}};
  lws_context_creation_info info = {};
  if (deflate.on) info.extensions = extensions.data();
  info.port = port;
  info.iface = "127.0.0.1";
  info.protocols = protocols.data();
  info.user = &service;
  info.pt_serv_buf_size = receive_bytes;
  info.keepalive_timeout = 60;
  info.options =
      LWS_SERVER_OPTION_DISABLE_IPV6 | LWS_SERVER_OPTION_VALIDATE_UTF8 | LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND;

  if (tls.on()) {
    info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.ssl_cert_filepath = tls.certificate.c_str();
    info.ssl_private_key_filepath = tls.key.c_str();
    // Its own choice is AES-256, which takes longer.
    info.tls1_3_plus_cipher_list = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
  }

  lws_set_log_level(0, nullptr);
  const std::unique_ptr<lws_context, decltype(&lws_context_destroy)> context(lws_create_context(&info),
                                                                             lws_context_destroy);
  if (!context) {
    std::fprintf(stderr, "libwebsockets_server: cannot serve on port %d\n", port);
    return 1;
  }
  running = context.get();
  std::signal(SIGINT, end_running);
  std::signal(SIGTERM, end_running);
  lws_vhost* const host = lws_get_vhost_by_name(context.get(), "default");
  std::printf("libwebsockets_server listens on 127.0.0.1:%d\n", lws_get_vhost_listen_port(host));
  std::fflush(stdout);
  while (running.load() != nullptr && lws_service(context.get(), 0) >= 0) {
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  int port = 9001;
  int status = 0;
  CLI::App app("WebSocket echo on /echo, broadcast on /broadcast, and GET /plaintext, on libwebsockets.",
               "libwebsockets_server");
  tidewire::bench::Deflate deflate;
  tidewire::bench::add_port(app, port);
  tidewire::bench::Tls tls;
  tidewire::bench::add_deflate(app, deflate);
  tidewire::bench::add_tls(app, tls);
  if (!tidewire::bench::parse(app, argc, argv, status)) return status;
  return serve(port, deflate, tls);
}
